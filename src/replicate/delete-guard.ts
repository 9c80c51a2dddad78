/** A number of entries, or a percentage of the tree. */
export type DeleteMax = { readonly count: number } | { readonly percent: number };

export interface DeleteRule {
  /** `undefined`: 50 % of a tree of 1000 entries and more, no limit below. */
  readonly max: DeleteMax | undefined;
  readonly windowMs: number;
}

/** Leave to delete; settled when the batch has ended. */
export interface DeletePermit {
  /** Entries that may go; `Infinity`: as many as there are. */
  readonly mayDelete: number;
  /** So many of them are only moved, or were approved or counted before: they do not count. */
  readonly uncounted: number;
  /** Whether a look at the whole tree came before it. */
  readonly isJudged: boolean;
}

/** Leave without limit, for what does not count. */
export const freePermit: DeletePermit = {
  mayDelete: Number.POSITIVE_INFINITY,
  uncounted: Number.POSITIVE_INFINITY,
  isJudged: true,
};

const defaultPercent = 50;
/** A smaller tree has no limit by default: half of it is deleted every day. */
const smallTree = 1_000;

/** More entries than this within the window are held. `Infinity`: the guard is off. */
export const limitOf = ({ max }: DeleteRule, treeEntries: number): number => {
  if (max !== undefined && 'count' in max) return max.count;
  if (max === undefined && treeEntries < smallTree) return Number.POSITIVE_INFINITY;
  const percent = max?.percent ?? defaultPercent;
  return percent >= 100 ? Number.POSITIVE_INFINITY : Math.floor((treeEntries * percent) / 100);
};

/**
 * Counts the entries that one target deletes, in a window of time. What a batch may delete is reserved before it is
 * sent, so that batches side by side do not exceed the limit together: what was deleted within the window and what is
 * reserved never is more than the limit. Pure but for the clock.
 */
export class DeleteGuard {
  #treeEntries = 0;
  #reserved = 0;
  #deleted: { readonly at: number; readonly count: number }[] = [];

  constructor(
    private rule: DeleteRule,
    private readonly now: () => number,
  ) {}

  get windowMs(): number {
    return this.rule.windowMs;
  }

  /** Another limit from now on. */
  setRule(rule: DeleteRule): void {
    this.rule = rule;
  }

  /** Entries of the tree that a percentage refers to. */
  get treeEntries(): number {
    return this.#treeEntries;
  }

  set treeEntries(count: number) {
    this.#treeEntries = count;
  }

  /** Whether the limit is a share of the tree. */
  get isShare(): boolean {
    const { max } = this.rule;
    return max === undefined || 'percent' in max;
  }

  get limit(): number {
    return limitOf(this.rule, this.#treeEntries);
  }

  get isOff(): boolean {
    return this.limit === Number.POSITIVE_INFINITY;
  }

  /** Entries deleted within the window that ends now. */
  get deleted(): number {
    const since = this.now() - this.rule.windowMs;
    this.#deleted = this.#deleted.filter(({ at }) => at > since);
    return this.#deleted.reduce((sum, { count }) => sum + count, 0);
  }

  /** Entries that may be deleted now. */
  get available(): number {
    return Math.max(0, this.limit - this.deleted - this.#reserved);
  }

  /**
   * @param expected entries that the batch deletes, as far as known; it may be more
   * @returns leave for as many and some more; `wait`: it may fit when another batch has ended; `over`: it does not fit
   */
  reserve(expected: number): DeletePermit | 'wait' | 'over' {
    const { available } = this;
    if (expected > available) return expected <= available + this.#reserved ? 'wait' : 'over';
    if (available === 0 && this.#reserved > 0) return 'wait';
    // The other half is for batches beside it.
    return this.#grant({
      mayDelete: Math.max(expected, Math.ceil(available / 2)),
      uncounted: 0,
      isJudged: false,
    });
  }

  /**
   * The same where a look at the whole tree told how many entries it has lost.
   * @param lost entries that are really gone, moved ones left out, of all that was not deleted yet
   */
  reserveJudged(expected: number, lost: number): DeletePermit | 'wait' | 'over' {
    if (this.deleted + lost > this.limit) return 'over';
    const uncounted = Math.max(0, expected - lost);
    const { available } = this;
    if (expected - uncounted > available) return 'wait';
    return this.#grant({ mayDelete: uncounted + available, uncounted, isJudged: true });
  }

  /**
   * The same for a share of the tree, which was counted: what matters is by how much it shrank. Entries that were moved,
   * copied and removed again, or made up for by others, are no loss, however many of them a target deleted.
   * @param shrunk how many entries the tree has fewer than it had when the window began
   * @param spare entries that may go beside the expected ones, where the limit leaves fewer
   */
  reserveShare(expected: number, shrunk: number, spare = 1): DeletePermit | 'over' {
    if (shrunk > this.limit) return 'over';
    this.#deleted = [{ at: this.now(), count: shrunk }];
    return this.#grant({
      mayDelete: expected + Math.max(spare, this.available),
      uncounted: expected,
      isJudged: true,
    });
  }

  /** A batch ended that had leave. */
  settle({ mayDelete, uncounted }: DeletePermit, deleted: number): void {
    if (Number.isFinite(mayDelete)) this.#reserved -= mayDelete - uncounted;
    const count = Math.max(0, deleted - uncounted);
    if (count > 0) this.#deleted.push({ at: this.now(), count });
  }

  /** What was deleted so far no longer counts. */
  forget(): void {
    this.#deleted = [];
  }

  #grant(permit: DeletePermit): DeletePermit {
    this.#reserved += permit.mayDelete - permit.uncounted;
    return permit;
  }
}
