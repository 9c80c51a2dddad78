import type { ScenarioResult, Spread } from '../scenario.js';
import { median } from './statistics.js';
import { type Line, svgOf } from './svg.js';

/** Enough for a smooth line. */
const maxPoints = 200;

/** How the values of each subject are spread: which share of them is not above x. */
const spreadPlot = (scenario: string, spreads: readonly Spread[]): string =>
  svgOf({
    title: `${scenario}: ${spreads[0]?.metric ?? ''}`,
    xTitle: spreads[0]?.unit ?? '',
    yTitle: '% of all',
    isLogY: false,
    lines: spreads.map(({ subject, values }) => ({ name: subject, points: sharesOf(values) })),
  });

const sharesOf = (values: readonly number[]): [number, number][] => {
  const sorted = [...values].sort((a, b) => a - b);
  const step = Math.max(1, Math.floor(sorted.length / maxPoints));
  return sorted.flatMap((value, index) =>
    index % step === 0 || index === sorted.length - 1
      ? [[value, (100 * (index + 1)) / sorted.length] as [number, number]]
      : [],
  );
};

/** How the first metric of each subject grows with the number of files. */
const growthPlot = (scenario: string, results: readonly ScenarioResult[]): string => {
  const first = results[0]?.samples.find(({ values }) => values.length > 0);
  const lines = new Map<string, Line & { points: [number, number][] }>();
  for (const { size, samples } of results) {
    for (const { subject, metric, values } of samples) {
      if (metric !== first?.metric) continue;
      const line = lines.get(subject) ?? { name: subject, points: [] };
      line.points.push([size.files, median(values)]);
      lines.set(subject, line);
    }
  }
  return svgOf({
    title: `${scenario}: ${first?.metric ?? ''}`,
    xTitle: 'files',
    yTitle: first?.unit ?? '',
    isLogY: true,
    lines: [...lines.values()],
  });
};

/** Name of the file -> its content. */
export const plotsOf = (scenario: string, results: readonly ScenarioResult[]): Map<string, string> => {
  const plots = new Map<string, string>();
  const spreads = results.at(-1)?.spreads ?? [];
  if (spreads.length > 0) plots.set(`${scenario}.svg`, spreadPlot(scenario, spreads));
  if (results.length > 1) plots.set(`${scenario}-growth.svg`, growthPlot(scenario, results));
  return plots;
};
