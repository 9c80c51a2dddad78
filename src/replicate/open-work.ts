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

/** Which change something stands for. */
export type Origin = Required<Pick<PendingChange, 'at' | 'sequence'>>;

/** Where what is left of a batch comes from: from the change of its own path, otherwise from the oldest of the batch. */
export const originsOf = (batch: readonly PendingChange[]): ((path: RelPath) => Origin) => {
  let known: ReadonlyMap<RelPath, PendingChange> | undefined;
  let [at, sequence] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  return (path) => {
    if (known === undefined) {
      known = new Map(batch.map((change) => [change.path, change]));
      for (const change of batch) {
        at = Math.min(at, change.at);
        sequence = Math.min(sequence, change.sequence ?? 0);
      }
    }
    const own = known.get(path);
    return own === undefined ? { at, sequence } : { at: own.at, sequence: own.sequence ?? 0 };
  };
};
