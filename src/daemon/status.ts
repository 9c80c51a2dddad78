import type { Config } from '../config/config.js';
import type { ReplicationError } from '../core/errors.js';
import type { HookStatus } from '../hooks/hook-queue.js';
import type { DaemonListener } from './activity.js';
import type { DaemonMetrics } from './metrics.js';
import type { Operations } from './operations.js';
import type { SettledOptions, SettledReport } from './settled.js';
import type { PathText } from './source-path.js';

/** A running replication of one tree, as the command line and the library hold it. */
export interface Daemon {
  /** Resolves, never rejects, when replication can't go on; stays pending otherwise. */
  readonly failed: Promise<ReplicationError>;
  /** Resolves, never rejects, when every directory is watched for the first time: from then on nothing is missed. */
  readonly live: Promise<void>;
  /**
   * Makes the thread that watches turn once more.
   * @returns its turns before that: when the number is another one at the next call, the thread lives. `undefined` while
   *   the source is lost and nothing is watched
   */
  ping(): number | undefined;
  /** A snapshot; cheap enough to be taken several times a second. */
  status(): DaemonStatus;
  /** The status and what else is counted. */
  metrics(): DaemonMetrics;
  /** Calls back for what happens from now on. @returns what ends it */
  subscribe(listener: DaemonListener): () => void;
  /** Paths that targets can't take, all targets or one. @param most paths that are named of each; default 10,000 */
  stuckPaths(target?: string, most?: number): StuckPathsStatus[];
  /** What the guards of deletes hold, all targets or one. @param most paths that are named of each; default 10,000 */
  heldDeletes(target?: string, most?: number): HeldDeletesStatus[];
  /** Lets held deletes go, and those that were rejected before. @returns paths by target */
  approveDeletes(target?: string): Record<string, number>;
  /** Keeps what is held at the targets. @returns paths by target */
  rejectDeletes(target?: string): Record<string, number>;
  /**
   * Waits until what is at the source now is acknowledged by the targets: a publication barrier. Held deletes and stuck
   * paths count as missing; the times of directories above what was sent may follow a moment later.
   * @returns how it ended, also when the time is over. Rejects with an `OperationError`, or the reason of the signal.
   */
  settled(options?: SettledOptions): Promise<SettledReport>;
  /** What operators do to a running one. */
  readonly operations: Operations;
  /**
   * Sends these again to every target: a file, or a directory with all beneath. For what changed without an event. Throws
   * an `OperationError` `OUTSIDE_SOURCE`.
   */
  markChanged(paths: readonly PathText[]): void;
  /**
   * Goes on with another configuration: targets are added, removed or replaced, limits changed; targets that are the same
   * are left alone. What can't change while it runs is logged and stays as it was. One after the other.
   */
  reload(config: Config): Promise<void>;
  /** Takes no more changes, finishes or cuts the running transfers within `stopTimeoutSeconds`, frees everything. */
  stop(): Promise<void>;
  /** Cuts everything at once: kills the running transfers and gives up what waits. */
  cut(): void;
}

/** Read-only snapshot of a daemon. Plain data. */
export interface DaemonStatus {
  /** Absolute path of the source root. */
  readonly source: string;
  /** RFC 3339. */
  readonly startedAt: string;
  /** Directories watched so far. */
  readonly directories: number;
  /** Whether every directory is watched: from then on nothing is missed. */
  readonly live: boolean;
  /** In the order of the configuration. */
  readonly targets: readonly TargetStatus[];
  /** Absent without a schedule. */
  readonly fullSync?: {
    /** When the next full sync begins, RFC 3339. */
    readonly nextAt: string;
    /** Name of the target that is being compared by one; absent between them. */
    readonly running?: string;
  };
  /** Absent when there are none. */
  readonly hooks?: readonly HookStatus[];
}

/** What one target can't take. Plain data. */
export interface StuckPathsStatus {
  readonly target: string;
  readonly stuck: number;
  /** The first of them, for people. */
  readonly paths: readonly {
    readonly path: string;
    /** Stable, such as `PERMISSION_DENIED`. */
    readonly code: string;
    /** rsync's words. */
    readonly text: string;
    readonly attempts: number;
    /** First failure, RFC 3339. */
    readonly since: string;
  }[];
}

/** The guard of deletes of one target. Plain data. */
export interface HeldDeletesStatus {
  /** The target's name. */
  readonly target: string;
  /** Whether deletes wait for an operator. */
  readonly holding: boolean;
  /** RFC 3339. */
  readonly since?: string;
  /** Most entries that may go within the window; absent: as many as there are. */
  readonly limit?: number;
  /** Entries of the target that the held paths stand for, as far as known. */
  readonly entries: number;
  /** Paths whose deletes wait. */
  readonly held: number;
  /** The first of them, for people; one that ends in `/*` stands for what is extra in that directory. */
  readonly heldPaths: readonly string[];
  /** Paths that stay because their deletes were rejected. */
  readonly kept: number;
  /** The first of them, for people. */
  readonly keptPaths: readonly string[];
}

/**
 * What a target's replication does.
 * - `starting`: not every directory of the source is watched yet, and nothing is being sent
 * - `idle`: it has everything that is known
 * - `transferring`: changes are on their way; `reconciling`: directories are being compared as well
 * - `backing-off`: a batch failed, the next try comes after a growing pause; `halted`: a person has to look
 * - `paused`: by an operator; `suspended`: the source is not there
 * - `stopped`: it was removed, or the replication stops
 */
export type TargetState =
  | 'starting'
  | 'idle'
  | 'transferring'
  | 'reconciling'
  | 'backing-off'
  | 'halted'
  | 'paused'
  | 'suspended'
  | 'stopped';

/** Snapshot of one target. Plain data; counts begin at the start. */
export interface TargetStatus {
  /** As in the configuration; its place where that has none. */
  readonly name: string;
  /** What it does at the moment. */
  readonly state: TargetState;
  /** Whether it took what it was last sent, as far as known: false while it is backing off, halted or suspended. */
  readonly up: boolean;
  /** Why it is backing off or halted, or holds deletes; one line. */
  readonly reason?: string;
  /** The stable name with which `reason` begins, such as `CONNECTION_REFUSED`. */
  readonly code?: string;
  /** What can be done about it, one sentence. */
  readonly hint?: string;
  /** Changes that wait for this target, those in flight included. */
  readonly pending: number;
  /** Paths that this target can't take; they are retried slowly and never dropped. */
  readonly stuck: number;
  /** Paths whose deletes wait for an operator. */
  readonly held: number;
  /** Paths that the target keeps although the source does not have them: an operator rejected their deletes. */
  readonly kept: number;
  /** Only while a first sync or a reconcile runs. */
  readonly reconcile?: {
    /** Directories that the target confirmed since it began. */
    readonly directoriesDone: number;
    /** Those that differed from what the target had confirmed, or of which nothing was known. */
    readonly directoriesTotal: number;
  };
  /** Regular files whose content was sent since the start. */
  readonly filesSent: number;
  /** Bytes written to the wire since the start. */
  readonly bytesSent: number;
  /** Entries deleted there since the start. */
  readonly deleted: number;
  /** When it last took a batch, RFC 3339; absent before the first. */
  readonly lastSuccessAt?: string;
  /** When the oldest change was noticed that it has not acknowledged, RFC 3339; absent when nothing waits. */
  readonly oldestPendingAt?: string;
  /** Age of the oldest change that this target has not acknowledged; 0 when nothing waits. */
  readonly lagSeconds: number;
}
