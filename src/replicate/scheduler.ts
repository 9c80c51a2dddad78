import { type Clock, systemClock } from '../core/clock.js';

/**
 * When so many transfers run and the machine has nothing to spare, a target that has one waits with its next, but for
 * {@link crowdMs}: its changes come together meanwhile, and to start and connect costs rsync about as much as hundreds
 * of small files. A target that is alone is not concerned.
 */
export interface Crowd {
  readonly from: number;
  /** Also while it is not known. */
  isBusy(): boolean;
}

/** In a crowd a target gets a further slot so long after its last one, ms: it does not wait behind all of a big batch. */
export const crowdMs = 4_000;
/** How often it is looked meanwhile whether the machine is still busy, ms. */
const lookMs = 250;

interface Waiting {
  readonly wake: () => void;
  readonly isUrgent: boolean;
}

/**
 * Shares a process-wide number of running transfers among the targets: a free slot goes to the waiting target that has
 * the fewest, and the last free one to none that has any, so that neither one busy nor one frozen target keeps the others
 * from theirs.
 */
export class Scheduler {
  /** When the running transfers of each target began, ms since the epoch, oldest first. */
  readonly #running = new Map<string, number[]>();
  readonly #waiting = new Map<string, Waiting>();
  /** Those that ever asked and were not forgotten. */
  readonly #targets = new Set<string>();
  #total = 0;
  #isLooking = false;

  /** @param limit transfers that may run at the same time */
  constructor(
    private limit: number,
    private readonly crowd?: Crowd,
    private readonly clock: Clock = systemClock,
  ) {}

  /**
   * Takes a slot for the target. When there is none for it, `wake` is called once as soon as there is; then ask again.
   * @param isUrgent the transfer does not wait in a crowd
   * @returns whether a slot was taken; give it back with {@link release}
   */
  tryAcquire(target: string, wake: () => void, isUrgent = false): boolean {
    this.#targets.add(target);
    this.#waiting.delete(target);
    if (!this.#mayTake(target, isUrgent)) {
      this.#waiting.set(target, { wake, isUrgent });
      this.#lookAgain();
      return false;
    }
    this.#total++;
    this.#running.set(target, [...this.#begunBy(target), this.clock.now()]);
    return true;
  }

  /** @param isUnused there was nothing to transfer */
  release(target: string, isUnused = false): void {
    this.#total--;
    const begun = this.#begunBy(target);
    const left = isUnused ? begun.slice(0, -1) : begun.slice(1);
    if (left.length > 0) this.#running.set(target, left);
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
  #mayTake(target: string, isUrgent: boolean): boolean {
    const free = this.limit - this.#total;
    if (this.#targets.size === 1 || this.#count(target) === 0) return free > 0;
    return free > 1 && (isUrgent || this.#sinceLastMs(target) >= crowdMs || !this.#isCrowded);
  }

  get #isCrowded(): boolean {
    return this.crowd !== undefined && this.#total >= this.crowd.from && this.crowd.isBusy();
  }

  #sinceLastMs(target: string): number {
    return this.clock.now() - (this.#begunBy(target).at(-1) ?? Number.NEGATIVE_INFINITY);
  }

  #wakeWaiting(): void {
    // A woken target may find that it has nothing to send any more: then the slot goes on to the next.
    for (;;) {
      let neediest: string | undefined;
      for (const [target, { isUrgent }] of this.#waiting) {
        if (neediest !== undefined && this.#count(target) >= this.#count(neediest)) continue;
        if (this.#mayTake(target, isUrgent)) neediest = target;
      }
      if (neediest === undefined) return;
      const waiting = this.#waiting.get(neediest);
      this.#waiting.delete(neediest);
      waiting?.wake();
    }
  }

  /** As long as any wait for more than a slot. */
  #lookAgain(): void {
    if (this.#isLooking || !this.#isCrowded) return;
    this.#isLooking = true;
    this.clock.after(lookMs, () => {
      this.#isLooking = false;
      this.#wakeWaiting();
      if (this.#waiting.size > 0) this.#lookAgain();
    });
  }

  #count(target: string): number {
    return this.#begunBy(target).length;
  }

  #begunBy(target: string): readonly number[] {
    return this.#running.get(target) ?? [];
  }
}
