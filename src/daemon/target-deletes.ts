import { lstat } from 'node:fs/promises';
import { type Change, isWide, unpackChanges } from '../core/change.js';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import { liesBelow, parentOf, type RelPath, relPathToBytes } from '../core/path.js';
import { type Comparison, lossOf } from '../replicate/compare.js';
import { DeleteGuard, type DeletePermit, type DeleteRule, freePermit } from '../replicate/delete-guard.js';
import type { TargetDigests } from '../store/target-digests.js';
import type { DeleteAnswer, DeleteQuestion, TransferOutcome } from '../transfer/messages.js';
import { type KeptFile, type KeptState, nothingKept } from './kept-file.js';
import { latin1Of, type SourceScanner } from './source.js';
import type { TreeSize } from './tree-size.js';

export interface TargetDeletesOptions {
  readonly source: string;
  readonly rule: DeleteRule;
  readonly digests: TargetDigests;
  readonly scanner: Pick<SourceScanner, 'scan'>;
  readonly size: TreeSize;
  readonly file: KeptFile;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** More kept paths than this are folded into the directories above: each is an argument of every rsync. */
const maxKept = 1_000;
/** What a comparison found is in the store after this time, ms. */
const storeLagMs = 30_000;
const allowAll: DeleteAnswer = { mayDelete: Number.POSITIVE_INFINITY };

/** One batch's leave to delete; given by {@link TargetDeletes.begin}. */
export interface BatchDeletes {
  ask(question: DeleteQuestion): Promise<DeleteAnswer>;
  /** The batch has ended. */
  end(outcome: TransferOutcome): void;
}

/** Watches over the deletes of one target: counts them, holds them, remembers which were rejected. */
export class TargetDeletes {
  readonly #guard: DeleteGuard;
  #state: KeptState;
  /** Entries of the source when it was compared last: the store may not know of them for a while. */
  #compared: { readonly at: number; readonly entries: number } | undefined;
  /** Entries that were deleted at the target after that. */
  #deletedSince = 0;
  /** More was deleted than was expected: something is not known, so look at the whole tree before the next. */
  #isDoubtful = false;
  /**
   * Entries that the next batch may delete beside those that are expected. Twice as many each time that it was too few:
   * so a target with much that nobody knows of gets there in a few batches, each after another look at the source.
   */
  #spare = 1;
  /** Paths whose deletes an operator wants. */
  readonly #approved = new Set<RelPath>();
  /** Called when a batch has ended. */
  #waiting: (() => void)[] = [];
  #heldSince: number | undefined;

  constructor(private readonly options: TargetDeletesOptions) {
    const { rule, clock, digests } = options;
    this.#guard = new DeleteGuard(rule, clock.now);
    const isNew = digests.size === 0;
    this.#state = nothingKept;
    this.#set(this.#read() ?? { ...nothingKept, isFirstSync: isNew });
    if (this.#state.isHolding) this.#heldSince = clock.now();
  }

  /** Whether a limit was exceeded, and an operator has to say what is to be done. */
  get isHolding(): boolean {
    return this.#state.isHolding;
  }

  /** Whether deletes wait at the moment, also those of a first sync, which come last. */
  get waits(): boolean {
    return this.#state.isHolding || (this.#state.isFirstSync && !this.#guard.isOff);
  }

  get kept(): readonly Change[] {
    return this.#state.kept;
  }

  /** Since when deletes are held, ms since the epoch. */
  get heldSince(): number | undefined {
    return this.#heldSince;
  }

  get limit(): number {
    return this.#guard.limit;
  }

  setRule(rule: DeleteRule): void {
    this.#guard.setRule(rule);
  }

  /** The source was compared with the target, and what differs is about to be sent. */
  compared({ lostEntries, heldEntries, sourceEntries }: Comparison): void {
    const { size, clock } = this.options;
    const guard = this.#guard;
    size.note(sourceEntries);
    // What was in the tree before the start only the store can tell; later it is a while behind.
    const before = this.#compared === undefined ? heldEntries : size.atWindowStart;
    this.#compared = { at: clock.now(), entries: sourceEntries };
    this.#deletedSince = 0;
    guard.treeEntries = Math.max(before, sourceEntries);
    const lost = guard.isShare ? Math.max(0, before - sourceEntries) : guard.deleted + lostEntries;
    if (!this.waits && lost > guard.limit) this.#hold(guard.isShare ? lost : lostEntries);
  }

  /** Everything that was to be compared was sent. @returns whether what was held meanwhile may go */
  finishedComparison(heldEntries: number): boolean {
    if (!this.#state.isFirstSync) return false;
    const wasWaiting = this.waits;
    this.#set({ isFirstSync: false });
    if (!wasWaiting || this.#state.isHolding) return false;
    if (heldEntries > this.#guard.limit) {
      this.#hold(heldEntries);
      return false;
    }
    return true;
  }

  begin(changes: readonly Change[]): BatchDeletes {
    const { kept } = this.#state;
    if (kept.length > 0) void this.#forgetPresent(changes);
    let permit: DeletePermit | undefined;
    let hasEnded = false;
    return {
      ask: async (question) => {
        const gone = Array.from(unpackChanges(question.gone), ({ path }) => path);
        this.#guard.treeEntries = this.options.size.atWindowStart;
        if (this.#guard.isOff) return allowAll;
        const answer = await this.#decide(changes, gone).catch((error: unknown) => {
          this.options.logger.debug({ err: error }, 'the losses of the source could not be counted');
          return 'later' as const;
        });
        if (answer === 'hold' || answer === 'later') return answer;
        // A batch that was cancelled does not wait for its answer.
        if (hasEnded) this.#guard.settle(answer, 0);
        else permit = answer;
        return { mayDelete: answer.mayDelete };
      },
      end: (outcome) => {
        hasEnded = true;
        if (this.#guard.isShare) void this.options.size.refresh();
        if (permit !== undefined) this.#settle(permit, outcome);
        if (outcome.result !== 'acknowledge') return;
        // All of the tree was looked at and yet more was to be deleted than is known of: it came from elsewhere.
        const isUnknown = outcome.wasLimited && permit?.isJudged === true && !this.#guard.isShare;
        if (isUnknown && !this.waits) this.#hold(outcome.stats.deleted);
        this.#isDoubtful ||= outcome.wasLimited;
        this.#spare = outcome.wasLimited ? 2 * Math.max(this.#spare, outcome.stats.deleted) : 1;
        if (!outcome.wasLimited) for (const { path } of changes) this.#approved.delete(path);
      },
    };
  }

  /** Everything that is known was sent. */
  settled(): void {
    this.#approved.clear();
  }

  /** There is nothing to be looked through first: nothing is compared at the start, or the target is empty. */
  skipFirstSync(): void {
    if (this.#state.isFirstSync) this.#set({ isFirstSync: false });
  }

  /** Deletes go on; `changes`, and what was kept, are deleted however many they are. @returns what was kept */
  approve(changes: Iterable<Change>): readonly Change[] {
    const { kept } = this.#state;
    for (const { path } of changes) this.#approved.add(path);
    for (const { path } of kept) this.#approved.add(path);
    this.#set({ isHolding: false, kept: [] });
    this.#noLongerHeld();
    return kept;
  }

  /** Deletes go on, but the target keeps these. */
  reject(changes: readonly Change[]): void {
    this.#set({ isHolding: false, kept: folded([...this.#state.kept, ...changes]) });
    this.options.digests.remove(changes.filter(({ kind }) => !isWide(kind)).map(({ path }) => path));
    this.#noLongerHeld();
  }

  /** What was held is back at the source, or nothing of it was left. */
  release(): void {
    this.#set({ isHolding: false });
    this.#noLongerHeld();
  }

  #noLongerHeld(): void {
    this.#guard.forget();
    this.#heldSince = undefined;
    this.#isDoubtful = false;
    this.#wake();
  }

  async #decide(changes: readonly Change[], gone: readonly RelPath[]): Promise<DeletePermit | 'hold'> {
    if (this.#isApproved(changes, gone)) return this.waits ? 'hold' : freePermit;
    const expected = this.#expected(gone);
    for (;;) {
      if (this.waits) return 'hold';
      const permit = this.#isDoubtful ? 'over' : this.#guard.reserve(expected);
      if (permit === 'over')
        return this.#guard.isShare ? this.#judgeShare(expected) : this.#judgeCount(expected, changes);
      if (permit !== 'wait') return permit;
      await this.#nextEnd();
    }
  }

  /** A good part of the tree at first sight: but did it shrink by so much? */
  async #judgeShare(expected: number): Promise<DeletePermit | 'hold'> {
    const { size } = this.options;
    const entries = await size.countNow();
    if (this.waits) return 'hold';
    this.#guard.treeEntries = size.atWindowStart;
    const shrunk = Math.max(0, size.atWindowStart - entries);
    const permit = this.#guard.reserveShare(expected, shrunk, this.#spare);
    if (permit === 'over') {
      this.#hold(shrunk);
      return 'hold';
    }
    this.#isDoubtful = false;
    return permit;
  }

  /** Too many at first sight: how many are really lost, and not moved? */
  async #judgeCount(expected: number, changes: readonly Change[]): Promise<DeletePermit | 'hold'> {
    const { digests, scanner, clock } = this.options;
    const { at, entries } = this.#compared ?? { at: 0, entries: 0 };
    const before = clock.now() - at <= storeLagMs ? entries : 0;
    const { lostEntries, sourceEntries } = await lossOf(await scanner.scan(), digests);
    const lost = Math.max(lostEntries, before - sourceEntries - this.#deletedSince);
    for (;;) {
      if (this.waits) return 'hold';
      const permit = this.#guard.reserveJudged(expected, lost);
      if (permit === 'over') {
        this.#hold(lost);
        return 'hold';
      }
      if (permit !== 'wait') {
        this.#isDoubtful = false;
        // Gone paths hold nothing but what was sent from here, and new subtrees nothing else: all of it was moved.
        const isKnown = changes.every(({ kind }) => kind !== 'directory');
        if (!isKnown || lost > 0) return permit;
        this.#guard.settle(permit, 0);
        return freePermit;
      }
      await this.#nextEnd();
    }
  }

  #isApproved(changes: readonly Change[], gone: readonly RelPath[]): boolean {
    if (this.#approved.size === 0) return false;
    return (
      gone.some((path) => this.#approved.has(path) || liesBelow(path, this.#approved)) ||
      changes.some(({ kind, path }) => isWide(kind) && this.#approved.has(path))
    );
  }

  /** How many entries a batch deletes, as far as known; what is not, rsync is kept from by its own limit. */
  #expected(gone: readonly RelPath[]): number {
    const { digests } = this.options;
    const lost = new Set(gone);
    const atMost = this.#guard.limit + 1;
    let expected = 0;
    for (const path of lost) {
      if (liesBelow(path, lost)) continue;
      expected += 1 + digests.entriesBelow(path, atMost);
      if (expected > atMost) break;
    }
    return expected;
  }

  #settle(permit: DeletePermit, outcome: TransferOutcome): void {
    const deleted =
      outcome.result === 'acknowledge'
        ? outcome.stats.deleted
        : 'deleted' in outcome
          ? (outcome.deleted ?? 0)
          : 0;
    this.#guard.settle(permit, deleted);
    this.#deletedSince += deleted;
    this.#wake();
  }

  #nextEnd(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #hold(entries: number): void {
    this.#set({ isHolding: true });
    this.#heldSince = this.options.clock.now();
    const { limit, windowMs, treeEntries } = this.#guard;
    this.options.logger.warn(
      {
        code: 'DELETES_HELD',
        entries,
        limit,
        windowMs,
        treeEntries,
        hint: 'if they are meant: `imgsync-fast deletes approve --config FILE`; if not, bring the files back, or `deletes reject` to keep them at the target',
      },
      'too many deletes: they are held, all else is sent',
    );
    this.#wake();
  }

  /** A kept path that is back at the source is like any other. */
  async #forgetPresent(changes: readonly Change[]): Promise<void> {
    const touched = new Set(changes.map(({ path }) => path));
    const root = Buffer.from(`${latin1Of(this.options.source)}/`, 'latin1');
    const back = new Set<Change>();
    for (const change of this.#state.kept) {
      if (!touched.has(change.path) && !touched.has(parentOf(change.path) ?? change.path)) continue;
      if (isWide(change.kind)) continue;
      const stat = await lstat(Buffer.concat([root, relPathToBytes(change.path)])).catch(() => undefined);
      if (stat !== undefined) back.add(change);
    }
    if (back.size > 0) this.#set({ kept: this.#state.kept.filter((change) => !back.has(change)) });
  }

  #set(changed: Partial<KeptState>): void {
    this.#state = { ...this.#state, ...changed };
    try {
      this.options.file.write(this.#state);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.options.logger.error({ error: text }, 'what the guard of deletes decided can not be written');
    }
  }

  #read(): KeptState | undefined {
    try {
      return this.options.file.read();
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.options.logger.error(
        {
          code: 'DELETES_HELD',
          error: text,
          hint: 'look with `imgsync-fast deletes list` and approve or reject',
        },
        'what the guard of deletes decided can not be read: all deletes are held',
      );
      return { ...nothingKept, isHolding: true };
    }
  }
}

/** Fewer of them: those of a directory become all in it, then all below it, until they are few enough. */
const folded = (changes: readonly Change[]): Change[] => {
  let result = new Map(changes.map((change) => [change.path, change]));
  for (const kind of ['directory', 'tree', 'tree', 'tree', 'tree'] as const) {
    if (result.size <= maxKept) break;
    result = new Map(
      Array.from(result.values(), ({ path }) => {
        const above = parentOf(path) ?? path;
        return [above, { kind, path: above }];
      }),
    );
  }
  return result.size <= maxKept ? [...result.values()] : [{ kind: 'tree', path: '' as RelPath }];
};
