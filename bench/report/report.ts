import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ScenarioResult } from '../scenario.js';
import { scenarios } from '../scenarios.js';
import { goalTable } from './goals.js';
import type { Machine } from './machine.js';
import { tableOf } from './markdown.js';
import { plotsOf } from './plots.js';

/** The file of one scenario. */
export interface ScenarioFile {
  readonly machine: Machine;
  /** One for each size. */
  readonly results: readonly ScenarioResult[];
}

/** Whatever was measured, in the order of the scenarios. */
const readResults = (folder: string): Map<string, ScenarioFile> => {
  const files = new Map<string, ScenarioFile>();
  for (const { name } of scenarios) {
    const file = join(folder, `${name}.json`);
    if (existsSync(file)) files.set(name, JSON.parse(readFileSync(file, 'utf8')) as ScenarioFile);
  }
  return files;
};

const machineLine = ({
  date,
  commit,
  cores,
  processor,
  memoryGB,
  kernel,
  fileSystem,
  ...versions
}: Machine): string => {
  const peers = Object.entries(versions.peers).map(([peer, version]) => `${peer} ${version}`);
  return [
    `${date}, commit ${commit}: ${cores} cores (${processor}), ${memoryGB} GB, Linux ${kernel}, ${fileSystem}`,
    `Node.js ${versions.node}, rsync ${versions.rsync}, ${peers.join(', ')}; load at the start ${versions.load}`,
  ].join('; ');
};

/**
 * The report of all results in a folder.
 * @param imagesAt what leads to the folder from where the report will lie
 */
export const reportOf = (folder: string, imagesAt: string): { text: string; plots: Map<string, string> } => {
  const files = readResults(folder);
  const plots = new Map<string, string>();
  const sections: string[] = [];
  for (const [name, { machine, results }] of files) {
    const own = plotsOf(name, results);
    for (const [file, svg] of own) plots.set(file, svg);
    const question = scenarios.find((scenario) => scenario.name === name)?.question ?? '';
    sections.push(
      [
        `## ${name}`,
        question,
        ...results.map(tableOf),
        ...[...own.keys()].map((file) => `![${name}](${imagesAt}${file})`),
        `<sub>${machineLine(machine)}</sub>`,
      ].join('\n\n'),
    );
  }
  const goals = goalTable([...files.values()].flatMap(({ results }) => results));
  return { text: [`## Goals\n\n${goals}`, ...sections].join('\n\n'), plots };
};

/** Writes the tables and the plots beside the results. */
export const writeReport = (folder: string): void => {
  const { text, plots } = reportOf(folder, '');
  writeFileSync(join(folder, 'README.md'), `# Results\n\n${text}\n`);
  for (const [file, svg] of plots) writeFileSync(join(folder, file), svg);
};
