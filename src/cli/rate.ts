interface Sample {
  readonly at: number;
  readonly value: number;
}

/** How fast a counter grows, over the last seconds. */
export class RateMeter {
  #samples: readonly Sample[] = [];

  /** @param windowMs Over how long it is measured. */
  constructor(private readonly windowMs: number) {}

  /** Takes the counter as it is at `now` (ms) and returns its growth per second; 0 at first. */
  update(value: number, now: number): number {
    // One sample at the window's far end stays, so that the whole window is covered.
    const kept = this.#samples.filter((_, index, all) => (all[index + 1]?.at ?? now) > now - this.windowMs);
    this.#samples = [...kept, { at: now, value }];
    const [oldest] = this.#samples;
    if (oldest === undefined || oldest.at === now) return 0;
    return ((value - oldest.value) * 1000) / (now - oldest.at);
  }
}
