import type { Change, Sequence } from '../core/change.js';
import type { RelPath } from '../core/path.js';
import type { PendingChange } from './pending.js';
import type { StuckEntry } from './stuck-paths.js';

/** Where a change stands that a target has read and not acknowledged; `big`: it waits in the lane of big files. */
export type Place = 'in flight' | 'pending' | 'big' | 'stuck' | 'held';

export interface OpenWork {
  readonly place: Place;
  readonly change: PendingChange;
  /** Of what is stuck. */
  readonly entry?: StuckEntry;
}

/** What stands between a target and a mark: a place, changes that were not read, or a comparison that is due or runs. */
export type Lack = Place | 'unread' | 'comparison';

/** A position of the log that a target has to have acknowledged, as far as it concerns somebody. */
export interface Mark {
  /** Changes up to this sequence. */
  readonly through: Sequence;
  /** The newest of them that concerns: so far the log has to be read. */
  readonly readThrough: Sequence;
  readonly concerns: (change: Change) => boolean;
}

/** The sequence of what is left of a batch: that of its own path, otherwise the oldest of the batch. */
export const sequencesOf = (batch: readonly PendingChange[]): ((path: RelPath) => Sequence) => {
  let known: ReadonlyMap<RelPath, Sequence> | undefined;
  let oldest = Number.POSITIVE_INFINITY;
  return (path) => {
    if (known === undefined) {
      known = new Map(batch.map((change) => [change.path, change.sequence ?? 0]));
      for (const sequence of known.values()) oldest = Math.min(oldest, sequence);
    }
    return known.get(path) ?? oldest;
  };
};
