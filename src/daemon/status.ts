import type { ReplicationError } from '../core/errors.js';

/** A running replication of one tree, as the command line and the library hold it. */
export interface Daemon {
  /** Resolves, never rejects, when replication can't go on; stays pending otherwise. */
  readonly failed: Promise<ReplicationError>;
  /** A snapshot; cheap enough to be taken several times a second. */
  status(): DaemonStatus;
  /** Takes no more changes, finishes or cuts the running transfers within `stopTimeoutSeconds`, frees everything. */
  stop(): Promise<void>;
  /** Cuts everything at once: kills the running transfers and gives up what waits. */
  cut(): void;
}

/** Read-only snapshot of a daemon. Plain data. */
export interface DaemonStatus {
  /** Absolute path of the source root. */
  readonly source: string;
  /** Directories watched so far. */
  readonly directories: number;
  /** Whether every directory is watched: from then on nothing is missed. */
  readonly live: boolean;
  readonly targets: readonly TargetStatus[];
}

export type TargetState =
  | 'starting'
  | 'idle'
  | 'transferring'
  | 'reconciling'
  | 'backing-off'
  | 'halted'
  | 'suspended'
  | 'stopped';

export interface TargetStatus {
  readonly name: string;
  readonly state: TargetState;
  /** Why it is backing off or halted, one line. */
  readonly reason?: string;
  /** Changes that wait for this target, those in flight included. */
  readonly pending: number;
  /** Paths that this target can't take; they are retried slowly and never dropped. */
  readonly stuck: number;
  /** Only while a first sync or a reconcile runs. */
  readonly reconcile?: { readonly directoriesDone: number; readonly directoriesTotal: number };
  /** Regular files whose content was sent since the start. */
  readonly filesSent: number;
  /** Bytes written to the wire since the start. */
  readonly bytesSent: number;
  /** Age of the oldest change that this target has not acknowledged; 0 when nothing waits. */
  readonly lagSeconds: number;
}
