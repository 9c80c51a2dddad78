import type { SettledReport, TargetChoice } from '../daemon/settled.js';
import { askControl } from './control-client.js';
import { controlPlace, pathForSource } from './control-place.js';
import { durationMs } from './duration.js';
import { exitCodes } from './exit-codes.js';
import { printJson, say } from './output.js';

export interface WaitCommandOptions {
  readonly paths: readonly string[];
  /** `all`, a number, or names with commas between. */
  readonly target: string;
  readonly timeout: string;
  readonly json: boolean;
}

/** Waits until what is at the source now is at the targets. @returns the exit code */
export const wait = async (
  file: string,
  { paths, target, timeout, json }: WaitCommandOptions,
): Promise<number> => {
  const timeoutMs = durationMs(timeout);
  const { stateDir, source } = await controlPlace(file);
  const body = {
    ...(paths.length === 0
      ? {}
      : { paths: await Promise.all(paths.map((path) => pathForSource(source, path))) }),
    targets: choiceOf(target),
    timeoutMs,
  };
  const report = (await askControl(stateDir, 'POST /v1/wait', body, 0)) as SettledReport;
  if (json) printJson('wait', report);
  for (const line of linesOf(report, timeout)) say(line);
  if (report.settled) return exitCodes.ok;
  return report.excluded.length > 0 ? exitCodes.failed : exitCodes.notInSync;
};

const choiceOf = (text: string): TargetChoice => {
  if (text === 'all') return 'all';
  return /^\d+$/.test(text) ? Number(text) : text.split(',').filter((name) => name !== '');
};

/** What there is to say beside the exit code. */
export const linesOf = (report: SettledReport, timeout: string): string[] => {
  const { settled, waitsFor, targets, beingWritten, excluded, missing } = report;
  const notes = [
    ...excluded.map(
      ({ path, pattern, pointer }) =>
        `${path}: never gets to the targets: ${JSON.stringify(pattern)} at ${pointer} excludes it`,
    ),
    ...missing.map((path) => `${path}: the source has no such path`),
  ];
  if (settled || excluded.length > 0) return notes;
  const late = waitsFor === 'targets' ? targets.filter((target) => !target.settled) : [];
  return [
    ...notes,
    `not in sync after ${timeout}: ${words[waitsFor]}`,
    ...beingWritten.map((path) => `${path}: is being written: its writer has not closed it`),
    ...late.map(
      ({ name, state, lacks, reason = '' }) =>
        `${name}: ${state}${lacks === undefined ? '' : `, ${lackWords[lacks]}`}${reason && `, ${reason}`}`,
    ),
  ];
};

const words: Readonly<Record<SettledReport['waitsFor'], string>> = {
  nothing: 'nothing is missing',
  source: 'the source is not watched at the moment',
  events: 'events of the kernel are still being read',
  writers: 'files are being written',
  targets: 'targets lack changes',
};

const lackWords = {
  unread: 'changes wait in the log',
  comparison: 'it is to be compared with the source, or is being compared',
  'in flight': 'changes are on their way',
  pending: 'changes wait',
  big: 'big files wait',
  stuck: 'paths are stuck',
  held: 'deletes are held',
} as const;
