import type { RelPath } from '../core/path.js';
import { attemptOf, type ReplicaState } from '../replicate/machine.js';
import type { PendingChange } from '../replicate/pending.js';
import type { ReplicatorTotals } from '../replicate/replicator.js';
import type { TransferOutcome } from '../transfer/messages.js';
import { Distribution } from './distribution.js';
import type { TargetMetrics } from './metrics.js';

const deliveryBounds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 3_600];
const batchBounds = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/** Counts what happens to one target, for the metrics. */
export class TargetCounters {
  readonly #batches = new Map<string, number>();
  readonly #errors = new Map<string, number>();
  #retries = 0;
  #sentBytes = 0;
  #sentFiles = 0;
  readonly #deliverySeconds = new Distribution(deliveryBounds);
  readonly #batchPaths = new Distribution(batchBounds);

  constructor(private readonly name: string) {}

  stateChanged(state: ReplicaState, before: ReplicaState): void {
    if ('failure' in state && state.name !== 'suspended') count(this.#errors, state.failure.code);
    if ('failure' in before && state.name === 'transferring' && attemptOf(state) > 0) this.#retries++;
  }

  stuck(code: string): void {
    count(this.#errors, code);
  }

  batchEnded({ result }: TransferOutcome): void {
    count(this.#batches, result);
  }

  /**
   * @param isLive false: they were sent to find out what the target has
   * @param left what the target did not take
   */
  delivered(
    changes: readonly PendingChange[],
    left: ReadonlySet<RelPath>,
    isLive: boolean,
    now: number,
  ): void {
    this.#batchPaths.add(changes.length);
    if (!isLive) return;
    // Many changes of one batch were noticed in the same millisecond.
    let at = 0;
    let times = 0;
    const add = (): void => {
      if (times > 0) this.#deliverySeconds.add(Math.max(0, now - at) / 1000, times);
    };
    for (const change of changes) {
      if (left.size > 0 && left.has(change.path)) continue;
      // What a comparison left, or somebody asked for, was not noticed at that time.
      if (change.sequence === 0) continue;
      if (change.at !== at) {
        add();
        at = change.at;
        times = 0;
      }
      times++;
    }
    add();
  }

  /** @param totals What a batch that failed had moved is no longer in them, but a counter never goes back. */
  snapshot(totals: Readonly<ReplicatorTotals>): Omit<TargetMetrics, 'drifted' | 'verified'> {
    this.#sentBytes = Math.max(this.#sentBytes, totals.sentBytes);
    this.#sentFiles = Math.max(this.#sentFiles, totals.files);
    return {
      name: this.name,
      batches: Object.fromEntries(this.#batches),
      errors: Object.fromEntries(this.#errors),
      retries: this.#retries,
      sentBytes: this.#sentBytes,
      sentFiles: this.#sentFiles,
      deleted: totals.deleted,
      deliverySeconds: this.#deliverySeconds.snapshot,
      batchPaths: this.#batchPaths.snapshot,
    };
  }
}

const count = (counts: Map<string, number>, key: string): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};
