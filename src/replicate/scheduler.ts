/**
 * Shares a process-wide number of running transfers among the targets: a free slot goes to the waiting target that has
 * the fewest, and the last free one to none that has any, so that neither one busy nor one frozen target keeps the others
 * from theirs.
 */
export class Scheduler {
  readonly #running = new Map<string, number>();
  readonly #waiting = new Map<string, () => void>();
  /** Those that ever asked and were not forgotten. */
  readonly #targets = new Set<string>();
  #total = 0;

  constructor(private limit: number) {}

  /**
   * Takes a slot for the target. When none is free, `wake` is called once as soon as one is; then ask again.
   * @returns whether a slot was taken; give it back with {@link release}
   */
  tryAcquire(target: string, wake: () => void): boolean {
    this.#targets.add(target);
    if (!this.#mayTake(target)) {
      this.#waiting.set(target, wake);
      return false;
    }
    this.#total++;
    this.#running.set(target, (this.#running.get(target) ?? 0) + 1);
    return true;
  }

  release(target: string): void {
    this.#total--;
    const left = (this.#running.get(target) ?? 1) - 1;
    if (left > 0) this.#running.set(target, left);
    else this.#running.delete(target);
    this.#wakeWaiting();
  }

  /** A target that goes away no longer waits. */
  forget(target: string): void {
    this.#waiting.delete(target);
    this.#targets.delete(target);
    this.#wakeWaiting();
  }

  setLimit(limit: number): void {
    this.limit = limit;
    this.#wakeWaiting();
  }

  /** A frozen target keeps its slots until it counts as stalled, so the last one is for who has none. */
  #mayTake(target: string): boolean {
    const free = this.limit - this.#total;
    const isAlone = this.#targets.size === 1;
    return free > 1 || (free === 1 && (isAlone || this.#count(target) === 0));
  }

  #wakeWaiting(): void {
    // A woken target may find that it has nothing to send any more: then the slot goes on to the next.
    while (this.#waiting.size > 0) {
      const [first, ...others] = this.#waiting.keys();
      if (first === undefined) return;
      const neediest = others.reduce((a, b) => (this.#count(b) < this.#count(a) ? b : a), first);
      if (!this.#mayTake(neediest)) return;
      const wake = this.#waiting.get(neediest);
      this.#waiting.delete(neediest);
      wake?.();
    }
  }

  #count(target: string): number {
    return this.#running.get(target) ?? 0;
  }
}
