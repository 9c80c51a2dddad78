import type { ChangeKind } from '../core/change.js';
import type { ReplicationError } from '../core/errors.js';
import { displayPath, type RelPath, relPathToBytes } from '../core/path.js';
import type { ReplicaFailure, ReplicaState } from '../replicate/machine.js';
import type { TransferStats } from '../transfer/messages.js';

/** A target confirmed a batch. */
export class DeliveredEvent {
  readonly #paths: readonly RelPath[];

  constructor(
    /** The target's name. */
    readonly target: string,
    paths: readonly RelPath[],
    /** Of the rsync that carried it: `files`, `sentBytes`, `literalBytes`, `deleted`, `durationMs`. */
    readonly stats: TransferStats,
  ) {
    this.#paths = paths;
  }

  /** How many paths it carried; one may stand for a whole directory. */
  get count(): number {
    return this.#paths.length;
  }

  /** The paths, relative to the source, for people: see `displayPath`. Built when it is asked for. */
  get paths(): string[] {
    return this.#paths.map(displayPath);
  }

  /** The same as bytes, which are exact. */
  get pathBytes(): Buffer[] {
    return this.#paths.map(relPathToBytes);
  }
}

/** A batch failed, or a target can not take anything until a person has looked. It is tried again by itself. */
export interface FailureEvent extends ReplicaFailure {
  /** The target's name. */
  readonly target: string;
  /** Failures in a row: 1, 2, 3 … */
  readonly attempt: number;
}

/** A target does not take one path; the rest goes on, and this one is tried again slowly. */
export interface StuckEvent {
  /** The target's name. */
  readonly target: string;
  /** How much of the path it is about. */
  readonly kind: ChangeKind;
  /** Relative to the source, for people: see `displayPath`. */
  readonly path: string;
  /** The same as bytes, which are exact. */
  readonly pathBytes: Buffer;
  /** Stable name, such as `PERMISSION_DENIED`. */
  readonly code: string;
  /** rsync's words. */
  readonly text: string;
  /** Tries so far: 1, 2, 3 … */
  readonly attempts: number;
}

/** A target's replication went from one state to another. */
export interface StateEvent {
  /** The target's name. */
  readonly target: string;
  /** The state it is in now; `TargetState` says what each means. */
  readonly state: ReplicaState['name'];
  /** The one it was in. */
  readonly before: ReplicaState['name'];
}

/** Every directory of the source is watched. */
export interface LiveEvent {
  /** Directories that are watched, the root included. */
  readonly directories: number;
  /** Entries in them, directories included. */
  readonly entries: number;
}

/** The kernel's queue ran over. */
export interface OverflowEvent {
  /** Absolute path of the source root. */
  readonly source: string;
}

/** What a replication tells: name of the event -> what its listeners get. */
export interface ReplicationEvents {
  /** Every directory is watched: after the start, and again when a source that was away is back. */
  live: LiveEvent;
  /** A target confirmed a batch. */
  delivered: DeliveredEvent;
  /** A try failed; the next comes after a growing pause. */
  retry: FailureEvent;
  /** A target needs a person (wrong password, read-only module); tried again every `retry.haltedMs`. */
  halted: FailureEvent;
  /** A target does not take a path; told at each failed try of it. */
  stuck: StuckEvent;
  /** The kernel dropped events; a comparison finds what they told. Each time: a flood may bring many a second. */
  overflow: OverflowEvent;
  /** A target's state changed. */
  state: StateEvent;
  /** Replication can't go on. It stops by itself; `start()` begins anew. */
  failed: ReplicationError;
}
