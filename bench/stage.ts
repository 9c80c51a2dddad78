import { readFileSync } from 'node:fs';
import { compareTrees } from '../test/support/compare-trees.js';
import { type RsyncDaemon, rsyncDaemons } from '../test/support/rsync-daemon.js';
import type { Scope } from '../test/support/scope.js';
import { type Tree, tempTree } from '../test/support/temp-tree.js';
import type { RunningReplicator } from './peers/replicator.js';
import { type Bench, us } from './scenario.js';
import { type Files, follow, writeFiles } from './tools.js';

/** A source and the daemons that serve its targets. */
export interface Stage {
  readonly source: Tree;
  readonly daemons: readonly RsyncDaemon[];
}

const targetPaths = ({ daemons }: Stage): string[] => daemons.map(({ path }) => path);

/** The daemons have rsync's default settings unless `isTuned`. */
export const openStage = async (
  scope: Scope,
  {
    targets,
    files,
    isTuned = false,
  }: { readonly targets: number; readonly files?: Files; readonly isTuned?: boolean },
): Promise<Stage> => {
  const source = tempTree(scope);
  if (files !== undefined) await writeFiles(source.path, files);
  return { source, daemons: await rsyncDaemons(scope, targets, { isTuned }) };
};

/** Longest that one entry is waited for; some peers never send it, ms. */
const patienceMs = 120_000;
/** So many entries are compared byte by byte with the comparison of the tests. */
const comparedSlowly = 50_000;

/** Waits until every target has what the source has. @returns ms since the epoch when the last had it */
export const untilEqual = async (stage: Stage): Promise<number> => {
  const followed = await follow(stage.source.path, targetPaths(stage), {
    patienceMs,
    exactness: 'loose',
  });
  return Math.max(...followed.map(({ at }) => at));
};

/**
 * Waits until the replicator says that every target has everything, and counts what is not so at that moment; one that
 * can't say it is watched from outside, which takes some processor away from it.
 * @returns ms since the epoch
 */
export const untilAcknowledged = async (
  bench: Bench,
  subject: string,
  stage: Stage,
  { acknowledged }: RunningReplicator,
): Promise<number> => {
  if (acknowledged === undefined) return untilEqual(stage);
  await acknowledged();
  const at = Date.now();
  const followed = await follow(stage.source.path, targetPaths(stage), { patienceMs: 0, exactness: 'loose' });
  for (const { differences, first } of followed) bench.lost(subject, differences, first);
  return at;
};

/** Counts how each target differs from the source now, to the last byte and time for us. */
export const verify = async (
  bench: Bench,
  subject: string,
  stage: Stage,
  entries = bench.size.files * bench.size.targets,
): Promise<void> => {
  const exactness = subject.startsWith(us) ? 'exact' : 'loose';
  const { source } = stage;
  // What follows the last change, such as the times of directories, may still be under way.
  const followed = await follow(source.path, targetPaths(stage), { patienceMs: 10_000, exactness });
  for (const { differences, first } of followed) bench.lost(subject, differences, first);
  if (exactness === 'loose' || entries > comparedSlowly) return;
  for (const target of targetPaths(stage)) {
    const differences = await compareTrees(source.path, target);
    bench.lost(subject, differences.length, differences[0] ?? '');
  }
};

/** Runs the work. @returns how long until the moment that it gives (ms since the epoch), or until it ended, s */
export const secondsUntil = async (work: () => Promise<unknown>): Promise<number> => {
  const startedAt = Date.now();
  const until = await work();
  return ((typeof until === 'number' ? until : Date.now()) - startedAt) / 1000;
};

/**
 * Records how long the work took as {@link secondsUntil} counts, and how busy all processors of the machine were: at
 * 100 % nothing that does the same amount of work can be faster, however many processes it uses.
 */
export const measure = async (
  bench: Bench,
  subject: string,
  metric: string,
  work: () => Promise<unknown>,
): Promise<void> => {
  const before = processorTime();
  bench.record(subject, metric, 's', await secondsUntil(work));
  const after = processorTime();
  const busy = (after.busy - before.busy) / Math.max(1, after.all - before.all);
  bench.record(subject, 'processors busy', '%', 100 * busy);
};

/** Of all processors since the machine was started, in ticks: the first line of `/proc/stat`, proc(5). */
const processorTime = (): { busy: number; all: number } => {
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n');
  const [user = 0, nice = 0, system = 0, idle = 0, ioWait = 0, irq = 0, softIrq = 0] = line
    .split(/\s+/)
    .slice(1)
    .map(Number);
  const busy = user + nice + system + irq + softIrq;
  return { busy, all: busy + idle + ioWait };
};
