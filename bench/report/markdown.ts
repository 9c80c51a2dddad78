import type { Sample, ScenarioResult } from '../scenario.js';
import { us } from '../scenario.js';
import { median, rounded } from './statistics.js';

/** Median and, of several runs, the smallest and the largest value. */
const figure = ({ values, unit }: Sample): string => {
  const text = `${rounded(median(values))} ${unit}`;
  if (values.length < 2) return text;
  return `${text} (${rounded(Math.min(...values))}–${rounded(Math.max(...values))})`;
};

/** How many times ours it is, where ours is a subject. */
const ratio = (sample: Sample, samples: readonly Sample[]): string => {
  const ours = samples.find(({ subject, metric }) => subject === us && metric === sample.metric);
  if (ours === undefined || sample.subject === us) return '';
  const value = median(sample.values) / median(ours.values);
  return Number.isFinite(value) ? `${rounded(value)} ×` : '';
};

/** The figures of one run of the bench. */
export const tableOf = ({ size, runs, samples, losses, notes }: ScenarioResult): string => {
  const metrics = [...new Set(samples.map(({ metric }) => metric))];
  const lines = [
    `${size.files.toLocaleString('en-US')} files, ${size.targets} ${size.targets === 1 ? 'target' : 'targets'}, ${runs} ${
      runs === 1 ? 'run' : 'runs'
    }:`,
    '',
    '| | | median (range) | of ours |',
    '|---|---|--:|--:|',
  ];
  for (const metric of metrics) {
    const own = samples.filter((sample) => sample.metric === metric);
    for (const [index, sample] of own.entries())
      lines.push(
        `| ${index === 0 ? metric : ''} | ${sample.subject} | ${figure(sample)} | ${ratio(sample, samples)} |`,
      );
  }
  for (const { subject, count, detail } of losses)
    lines.push('', `**${subject}**: ${count} lost or different, such as \`${detail}\``);
  for (const note of notes) lines.push('', note);
  return lines.join('\n');
};
