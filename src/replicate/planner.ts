import { type Change, isWide } from '../core/change.js';
import { liesBelow, neighboursParent, parentOf, type RelPath } from '../core/path.js';
import { PathClaims } from './path-claims.js';
import type { PendingChange, PendingChanges } from './pending.js';

/** Waiting changes that are looked at for one batch before the search is given up, as a multiple of the batch. */
const lookAhead = 4;
/**
 * A change that has waited this long is let through: nothing that is the same as, above or below it is started any more
 * until what is in flight there has ended, ms. Otherwise a busy tree would keep off its own top directory for ever.
 */
const patienceMs = 500;

/** With fewer entries of one directory the list is short anyway. */
const crowd = 16;

export interface BatchOptions {
  readonly maxPaths: number;
  /** ms since the epoch. */
  readonly now: number;
  /** What a change touches at the target. */
  readonly footprintOf: (change: Change) => RelPath;
  /** Paths that are kept free for others. */
  readonly reserved: readonly RelPath[];
  /** Claims of batches that may take hours: nothing is kept free for what has to wait for one of them. */
  readonly lasting: PathClaims;
}

/**
 * Takes the next batch out of `pending`: the oldest changes that may run beside what is in flight, at most `maxPaths`.
 * What lies below a subtree of the same batch is dropped, for the subtree carries it. Empty when everything conflicts.
 */
export const takeBatch = (
  pending: PendingChanges,
  claims: PathClaims,
  { maxPaths, now, footprintOf, reserved, lasting }: BatchOptions,
): PendingChange[] => {
  const batch: PendingChange[] = [];
  const trees = new Set<RelPath>();
  const keptFree = new PathClaims();
  for (const path of reserved) keptFree.claim(path);
  let seen = 0;
  for (const change of pending) {
    if (batch.length >= maxPaths || ++seen > maxPaths * lookAhead) break;
    const footprint = footprintOf(change);
    if (claims.conflictsWith(footprint)) {
      if (now - change.at >= patienceMs && !lasting.conflictsWith(footprint)) keptFree.claim(footprint);
      continue;
    }
    if (keptFree.conflictsWith(footprint)) continue;
    batch.push(change);
    if (change.kind === 'tree') trees.add(change.path);
  }
  for (const change of batch) pending.delete(change.path);
  return trees.size === 0 ? batch : withoutCovered(batch, trees);
};

/** A subtree carries what lies below it, and so stands for the oldest change of that. */
const withoutCovered = (batch: readonly PendingChange[], trees: ReadonlySet<RelPath>): PendingChange[] => {
  let [oldestAt, oldest] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const left = batch.filter((change) => {
    const isCovered = liesBelow(change.path, trees);
    if (isCovered) {
      oldestAt = Math.min(oldestAt, change.at);
      oldest = Math.min(oldest, change.sequence ?? 0);
    }
    return !isCovered;
  });
  if (left.length === batch.length) return left;
  return left.map((change) => {
    if (change.kind !== 'tree') return change;
    const { at, sequence = 0 } = change;
    return { ...change, at: Math.min(at, oldestAt), sequence: Math.min(sequence, oldest) };
  });
};

/**
 * Directories of which so many entries are in the batch that sending them as a whole may be cheaper, and that nothing in
 * flight touches. Whoever sends the batch claims them, for a directory that is sent as a whole loses what the source
 * does not have: also the temporary files of another rsync.
 * @param claims without those of the batch itself
 */
export const crowdedDirectories = (batch: readonly Change[], claims: PathClaims): RelPath[] => {
  const counts = new Map<RelPath, number>();
  const parentOfNext = neighboursParent();
  for (const { kind, path } of batch) {
    const parent = isWide(kind) ? undefined : parentOfNext(path);
    if (parent !== undefined) counts.set(parent, (counts.get(parent) ?? 0) + 1);
  }
  return [...counts].flatMap(([directory, count]) =>
    count >= crowd && !claims.conflictsWith(directory) ? [directory] : [],
  );
};

/** What a change touches at the target: the path itself and all below it. */
export const ownFootprint = (change: Change): RelPath => change.path;

/**
 * The same where gone paths are deleted by syncing their parent directory (`parent-directory`): a path that turns out
 * to be gone lists its parent, so the parent is touched.
 */
export const parentFootprint = (change: Change): RelPath => parentOf(change.path) ?? change.path;
