export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Plot {
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
  /** The vertical axis is linear from 0 to 100 otherwise. */
  readonly isLogY: boolean;
  readonly lines: readonly Line[];
}

const [width, height] = [820, 420];
const [left, right, top, bottom] = [70, 270, 40, 50];
const colors = ['#0b6fb8', '#d1495b', '#2e933c', '#8f5db7', '#e08e00', '#5f6b73', '#00a0a0', '#9c6644'];

/** The powers of ten around the values, and a place on the axis for each value. */
const logAxis = (values: readonly number[], from: number, to: number) => {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  return {
    ticks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)),
    place: (value: number) => from + ((Math.log10(value) - low) / (high - low)) * (to - from),
  };
};

const linearAxis = (from: number, to: number) => ({
  ticks: [0, 25, 50, 75, 100],
  place: (value: number) => from + (value / 100) * (to - from),
});

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** Lines over a logarithmic horizontal axis. */
export const svgOf = ({ title, xTitle, yTitle, isLogY, lines }: Plot): string => {
  const drawn = lines.map(({ name, points }) => ({
    name,
    points: points.filter(([x, y]) => x > 0 && (!isLogY || y > 0)),
  }));
  const all = drawn.flatMap(({ points }) => points);
  const x = logAxis(
    all.map(([value]) => value),
    left,
    width - right,
  );
  const [yFrom, yTo] = [height - bottom, top];
  const y = isLogY
    ? logAxis(
        all.map(([, value]) => value),
        yFrom,
        yTo,
      )
    : linearAxis(yFrom, yTo);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${left}" y="20" font-size="15">${escaped(title)}</text>`,
    `<text x="${(left + width - right) / 2}" y="${height - 12}" text-anchor="middle">${escaped(xTitle)}</text>`,
    `<text transform="translate(16 ${(yFrom + yTo) / 2}) rotate(-90)" text-anchor="middle">${escaped(yTitle)}</text>`,
  ];
  for (const tick of x.ticks) {
    const at = x.place(tick).toFixed(1);
    parts.push(`<path d="M${at} ${yFrom}V${yTo}" stroke="#ddd"/>`);
    parts.push(
      `<text x="${at}" y="${yFrom + 16}" text-anchor="middle">${tick.toLocaleString('en-US')}</text>`,
    );
  }
  for (const tick of y.ticks) {
    const at = y.place(tick).toFixed(1);
    parts.push(`<path d="M${left} ${at}H${width - right}" stroke="#ddd"/>`);
    parts.push(
      `<text x="${left - 6}" y="${at}" dy="4" text-anchor="end">${tick.toLocaleString('en-US')}</text>`,
    );
  }
  for (const [index, { name, points }] of drawn.entries()) {
    const color = colors[index % colors.length];
    const path = points.map(([a, b]) => `${x.place(a).toFixed(1)} ${y.place(b).toFixed(1)}`).join('L');
    parts.push(`<path d="M${path}" fill="none" stroke="${color}" stroke-width="2"/>`);
    if (isLogY)
      for (const [a, b] of points)
        parts.push(
          `<circle cx="${x.place(a).toFixed(1)}" cy="${y.place(b).toFixed(1)}" r="3" fill="${color}"/>`,
        );
    const at = top + 10 + index * 18;
    parts.push(`<path d="M${width - right + 14} ${at}h18" stroke="${color}" stroke-width="2"/>`);
    parts.push(`<text x="${width - right + 38}" y="${at + 4}">${escaped(name)}</text>`);
  }
  return `${parts.join('\n')}\n</svg>\n`;
};
