interface Sample {
  /** ms since the epoch. */
  readonly at: number;
  readonly entries: number;
}

/** Shortest pause between two counts, ms, and the pause as a multiple of the time that one takes. */
const minPauseMs = 5_000;
const pauseShare = 100;

/** How many entries the source holds, and held a while ago. Shared by all targets. */
export class TreeSize {
  /** Oldest first; those that no window reaches any more are dropped, but for the newest of them. */
  #samples: Sample[] = [];
  #refreshAt = 0;

  constructor(
    /** Counts the entries of the source. */
    private readonly count: () => Promise<number>,
    private readonly options: {
      readonly windowMs: () => number;
      readonly now: () => number;
      /** A count in between could not be made. */
      readonly failed: (error: unknown) => void;
    },
  ) {}

  /** The source holds so many entries now. */
  note(entries: number): void {
    const at = this.options.now();
    const since = at - this.options.windowMs();
    const first = this.#samples.findLastIndex((sample) => sample.at < since);
    this.#samples = [...this.#samples.slice(Math.max(0, first)), { at, entries }];
  }

  /** What it held when the window that ends now began, as far as it was counted: the oldest count that is kept. */
  get atWindowStart(): number {
    const since = this.options.now() - this.options.windowMs();
    const first = this.#samples.findLastIndex(({ at }) => at < since);
    return this.#samples[Math.max(0, first)]?.entries ?? 0;
  }

  /** Counts now. Rejects when the source can't be read. */
  async countNow(): Promise<number> {
    const entries = await this.count();
    this.note(entries);
    return entries;
  }

  /** To be called when something changed: counts now and then, so that it costs next to nothing. */
  async refresh(): Promise<void> {
    const { now, failed } = this.options;
    const startedAt = now();
    if (startedAt < this.#refreshAt) return;
    this.#refreshAt = Number.POSITIVE_INFINITY;
    await this.countNow().catch(failed);
    this.#refreshAt = now() + Math.max(minPauseMs, pauseShare * (now() - startedAt));
  }
}
