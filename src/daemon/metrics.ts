import type { ChangeKind } from '../core/change.js';
import type { DistributionSnapshot } from './distribution.js';
import type { DaemonStatus } from './status.js';

/** What a monitoring system is told beside the status. Plain data; the counters begin at the start. */
export interface DaemonMetrics {
  readonly status: DaemonStatus;
  /** Changes that the source told, by kind. */
  readonly changes: Readonly<Record<ChangeKind, number>>;
  /** How often the kernel's queue of events ran over. */
  readonly overflows: number;
  /** Watches that the kernel allows this user. */
  readonly watchLimit: number;
  /** Memory of the changes that some target has not taken yet, roughly. */
  readonly changeLogBytes: number;
  readonly targets: readonly TargetMetrics[];
}

/** Counters of one target. They begin anew when its configuration changes. */
export interface TargetMetrics {
  readonly name: string;
  /** Batches by how they ended: `acknowledge`, `retry`, `halt` … */
  readonly batches: Readonly<Record<string, number>>;
  /** Failures of the target and of single paths, by their stable code. */
  readonly errors: Readonly<Record<string, number>>;
  /** Tries after a failure. */
  readonly retries: number;
  readonly sentBytes: number;
  readonly sentFiles: number;
  readonly deleted: number;
  /** Paths that verifications found to differ although the target had acknowledged them. */
  readonly drifted: number;
  /** Share of its entries that the running verification has compared, from 0 to 1; 1 when none runs. */
  readonly verified: number;
  /** From when a change was noticed until the target has it, seconds, for each path; those of a comparison aside. */
  readonly deliverySeconds: DistributionSnapshot;
  /** Paths in the batches that the target took. */
  readonly batchPaths: DistributionSnapshot;
}
