import type { Clock } from '../core/clock.js';
import { liesBelow, type RelPath } from '../core/path.js';
import { type CheckpointTarget, type DigestedDirectory, TargetCheckpoint } from './target-checkpoint.js';

/** What the checkpointer asks of the source. */
export interface CheckpointSource {
  /**
   * Digests of the directories, and of all directories beneath and including `trees`; parents before children. What is
   * missing, excluded or no directory is left out.
   */
  digest(directories: readonly RelPath[], trees: readonly RelPath[]): Promise<readonly DigestedDirectory[]>;
  /** Those of the paths that are directories. */
  existing(directories: readonly RelPath[]): Promise<ReadonlySet<RelPath>>;
  /**
   * Resolves when every change that was made before the call is in the change log, after a scan if one is needed to
   * know; with the paths that are about to change but not in the log yet, for a writer holds them open.
   */
  drain(): Promise<Iterable<RelPath>>;
}

export interface CheckpointerOptions {
  readonly clock: Clock;
  /** From the first change that a round is wanted for to that round, ms. */
  readonly intervalMs: number;
  /** A round could not be finished; its directories are looked at again in the next. */
  failed(error: unknown): void;
}

/**
 * The kernel stamps changes with the time of its last tick, 10 ms at most. At least this long passes between the
 * acknowledgement of a change and the digest that covers it, so that no later change bears the same time, ms.
 */
const tickMs = 20;

/**
 * Keeps the digests of all targets up to date, a round every few seconds for all of them together. A digest is stored
 * only if the target acknowledged everything that it covers:
 *
 * 1. Batches touch directories when they are acknowledged. A round takes those in which nothing is open.
 * 2. It computes their digests, then drains the watcher: whatever was changed before a digest was taken is in the
 *    change log now.
 * 3. It stores the digests of the directories in which still nothing is open, and to which nothing was sent meanwhile.
 *
 * What is lost when the process dies between two rounds costs some directories being compared once more.
 */
export class Checkpointer {
  readonly #targets = new Set<TargetCheckpoint>();
  #running: Promise<void> = Promise.resolve();
  /** While a round is planned or runs by plan. */
  #cancelPlanned: (() => void) | undefined;
  #isPlanning = false;

  constructor(
    private readonly source: CheckpointSource,
    private readonly options: CheckpointerOptions,
  ) {}

  start(): void {
    this.#isPlanning = true;
    this.#plan();
  }

  /** Ends with a last round: after the targets' last transfers, and before the watcher is closed. */
  async stop(): Promise<void> {
    this.#isPlanning = false;
    this.#cancelPlanned?.();
    await this.checkpoint();
  }

  add(target: CheckpointTarget): TargetCheckpoint {
    const checkpoint = new TargetCheckpoint(target, () => this.#plan());
    this.#targets.add(checkpoint);
    return checkpoint;
  }

  remove(checkpoint: TargetCheckpoint): void {
    this.#targets.delete(checkpoint);
  }

  /**
   * Finds out at once, not in the next round, which directories are new to a target that was just compared: until then each
   * that is made is sent a second time, as a whole. Never rejects.
   */
  async catchUp(target: TargetCheckpoint): Promise<void> {
    const comparison = target.beginCatchUp();
    if (comparison === undefined) return;
    try {
      await this.source.drain();
      target.catchUp(comparison);
    } catch (error) {
      this.options.failed(error);
    }
  }

  /** One round, after the one that runs. Never rejects. */
  checkpoint(): Promise<void> {
    this.#running = this.#running
      .then(() => this.#round())
      .catch((error: unknown) => this.options.failed(error));
    return this.#running;
  }

  /** As long as nothing is acknowledged, nothing is planned: who has nothing to do is not to wake for it. */
  #plan(): void {
    if (!this.#isPlanning || this.#cancelPlanned !== undefined) return;
    if (![...this.#targets].some(({ wantsRound }) => wantsRound)) return;
    const { clock, intervalMs } = this.options;
    this.#cancelPlanned = clock.after(intervalMs, async () => {
      await this.checkpoint();
      this.#cancelPlanned = undefined;
      this.#plan();
    });
  }

  async #round(): Promise<void> {
    const taking = [...this.#targets].filter((target) => target.take());
    if (taking.length === 0) return;
    try {
      await new Promise<void>((resolve) => this.options.clock.after(tickMs, resolve));
      const trees = topmost(taking.flatMap((target) => target.takenTrees));
      const single = new Set(taking.flatMap((target) => target.takenDirectories));
      for (const path of single) if (trees.has(path) || liesBelow(path, trees)) single.delete(path);
      const found = await this.source.digest([...single], [...trees]);
      const children = new Set(taking.flatMap((target) => target.lookUpChildren()));
      const existing = children.size === 0 ? children : await this.source.existing([...children]);
      const settling = [...(await this.source.drain())];
      for (const target of taking) await target.store({ found, existing, settling });
    } finally {
      for (const target of taking) target.giveBack();
    }
  }
}

/** The paths that lie below none of the others. */
const topmost = (paths: readonly RelPath[]): ReadonlySet<RelPath> => {
  const all = new Set(paths);
  return new Set(paths.filter((path) => !liesBelow(path, all)));
};
