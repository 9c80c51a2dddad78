/** Counts values by how large they are, as a histogram of Prometheus does; cheap enough for every path. */
export class Distribution {
  readonly #counts: Float64Array;
  #sum = 0;

  /** @param bounds upper ends of the buckets, ascending; what is larger than all of them is counted as well */
  constructor(private readonly bounds: readonly number[]) {
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** @param times how often the value was met */
  add(value: number, times = 1): void {
    let bucket = 0;
    while (value > (this.bounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + times;
    this.#sum += value * times;
  }

  get snapshot(): DistributionSnapshot {
    return { bounds: this.bounds, counts: [...this.#counts], sum: this.#sum };
  }
}

/** Plain data. */
export interface DistributionSnapshot {
  readonly bounds: readonly number[];
  /** Values in each bucket alone; one more than there are bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
}
