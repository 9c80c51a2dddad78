import type { Scope } from '../../test/support/scope.js';
import type { Stage } from '../stage.js';

/** A replicator that runs. */
export interface RunningReplicator {
  /** Its process group. */
  readonly group: number;
  /** To be called before a change. @returns what resolves when that change has been dealt with and all is quiet */
  beforeChange(): () => Promise<void>;
  /** Resolves when every target has confirmed all that was changed before the call. Absent: it can't be asked. */
  acknowledged?(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts to replicate the source of the stage to its targets. Resolves when all targets are up to date. */
export type Replicator = (scope: Scope, stage: Stage) => Promise<RunningReplicator>;
