import { compareTrees } from '../test/support/compare-trees.js';
import { type RsyncDaemon, rsyncDaemons } from '../test/support/rsync-daemon.js';
import type { Scope } from '../test/support/scope.js';
import { type Tree, tempTree } from '../test/support/temp-tree.js';
import { type Bench, us } from './scenario.js';
import { type Files, follow, writeFiles } from './tools.js';

/** A source and the daemons that serve its targets. */
export interface Stage {
  readonly source: Tree;
  readonly daemons: readonly RsyncDaemon[];
}

export const targetPaths = ({ daemons }: Stage): string[] => daemons.map(({ path }) => path);

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
