/**
 * Shares a process-wide number of running transfers among the targets: a free slot goes to the waiting target that has
 * the fewest, so that neither one busy nor one slow target keeps the others from theirs.
 */
export class Scheduler {
  readonly #running = new Map<string, number>();
  readonly #waiting = new Map<string, () => void>();
  #total = 0;

  constructor(private limit: number) {}

  /**
   * Takes a slot for the target. When none is free, `wake` is called once as soon as one is; then ask again.
   * @returns whether a slot was taken; give it back with {@link release}
   */
  tryAcquire(target: string, wake: () => void): boolean {
    if (this.#total >= this.limit) {
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
  }

  setLimit(limit: number): void {
    this.limit = limit;
    this.#wakeWaiting();
  }

  #wakeWaiting(): void {
    // A woken target may find that it has nothing to send any more: then the slot goes on to the next.
    while (this.#total < this.limit && this.#waiting.size > 0) {
      const [first, ...others] = this.#waiting.keys();
      if (first === undefined) return;
      const neediest = others.reduce((a, b) => (this.#count(b) < this.#count(a) ? b : a), first);
      const wake = this.#waiting.get(neediest);
      this.#waiting.delete(neediest);
      wake?.();
    }
  }

  #count(target: string): number {
    return this.#running.get(target) ?? 0;
  }
}
