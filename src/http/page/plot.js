import { drawing } from './dom.js';

const height = 40;
/** Of fewer values the newest are not stretched over the whole width. */
const leastWidth = 60;

/**
 * Draws a series as an area, the newest value at the right; a gap stays empty.
 * @param options `least`: the top of the scale is never lower, so that noise does not look like a mountain
 */
export const plot = (values, { least, label, name }) => {
  const known = values.filter((value) => value !== undefined);
  const highest = Math.max(...known, 0);
  const top = Math.max(highest, least);
  const width = Math.max(values.length, leastWidth);
  const svg = drawing('svg', {
    viewBox: `0 0 ${width - 1} ${height}`,
    preserveAspectRatio: 'none',
    class: 'plot',
    role: 'img',
    'aria-label': `${name}: now ${label(known.at(-1) ?? 0)}, highest ${label(highest)}`,
  });
  const start = width - values.length;
  for (const run of runsOf(values)) {
    const points = run.values.map((value, i) => `${start + run.from + i},${y(value, top)}`);
    const first = start + run.from;
    const last = first + run.values.length - 1;
    svg.append(
      drawing('path', { class: 'area', d: `M${first},${height}L${points.join('L')}L${last},${height}Z` }),
      drawing('polyline', { class: 'line', points: points.join(' ') }),
    );
  }
  return svg;
};

const y = (value, top) => (height - 1.5 - (value / top) * (height - 4)).toFixed(1);

/** The parts without a gap. */
const runsOf = (values) => {
  const runs = [];
  let run;
  for (const [index, value] of values.entries()) {
    if (value === undefined) run = undefined;
    else if (run === undefined) {
      run = { from: index, values: [value] };
      runs.push(run);
    } else run.values.push(value);
  }
  return runs;
};
