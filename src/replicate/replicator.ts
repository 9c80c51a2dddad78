import type { Cursor, LoggedChange } from '../changes/cursor.js';
import { type BackoffLimits, backoffDelayMs } from '../core/backoff.js';
import { type Change, type ChangeKind, packChanges, type Sequence, unpackChanges } from '../core/change.js';
import type { Clock } from '../core/clock.js';
import { ReplicationError } from '../core/errors.js';
import { ancestorsOf, asRelPath, neighboursParent, parentOf, type RelPath } from '../core/path.js';
import type { Ticket } from '../store/target-checkpoint.js';
import type {
  DeleteMethod,
  ProbeOutcome,
  TransferOutcome,
  TransferProgress,
  TransferStats,
} from '../transfer/messages.js';
import { HeldDeletes } from './held-deletes.js';
import {
  allowedInFlight,
  attemptOf,
  next,
  type ReplicaEvent,
  type ReplicaFailure,
  type ReplicaState,
} from './machine.js';
import { type Lack, type Mark, type OpenWork, originsOf } from './open-work.js';
import { PathClaims } from './path-claims.js';
import { type PendingChange, PendingChanges } from './pending.js';
import {
  type BatchOptions,
  crowdedDirectories,
  ownFootprint,
  parentFootprint,
  takeBatch,
} from './planner.js';
import { type DirectoryList, ReconcileRun } from './reconcile.js';
import type { Scheduler } from './scheduler.js';
import { type StuckEntry, StuckPaths } from './stuck-paths.js';

/** One batch as a replicator hands it over; the daemon adds what is the same for all: target, source, rules. */
export interface Batch {
  readonly list: readonly PendingChange[];
  /** The same in the form of `packChanges`. */
  readonly changes: Uint8Array;
  readonly deleteMethod: DeleteMethod;
  readonly holdDeletes: boolean;
  /** Whether its directories are sent for the sake of changes, not to find out what the target has. */
  readonly isLive: boolean;
  readonly bigFileBytes: number;
  readonly batchBytes: number;
  /** Directories that may be sent as a whole: they are claimed. */
  readonly crowded: readonly RelPath[];
}

export interface RunningTransfer {
  readonly outcome: Promise<TransferOutcome>;
  /** What has moved so far. */
  readonly progress: TransferProgress;
  cancel(): void;
}

export interface ReplicatorLimits {
  /** Changes in one batch. */
  readonly maxPaths: number;
  /** Batches in flight beside the big lane. */
  readonly parallel: number;
  /** Files of this size and more go in the big lane, one at a time. */
  readonly bigFileBytes: number;
  /** Bytes of regular files in one batch. */
  readonly batchBytes: number;
  readonly retry: BackoffLimits;
  /** Pause between the tries of a halted target, ms. */
  readonly haltedMs: number;
}

/** The neighbours of a replicator. */
export interface ReplicatorPorts {
  readonly cursor: Cursor;
  readonly scheduler: Scheduler;
  readonly bigFileScheduler: Scheduler;
  readonly clock: Clock;
  readonly random: () => number;
  /** Finds out how this target deletes; a probe that fails tells what stands in the way of the target at large. */
  probe(): RunningProbe;
  send(batch: Batch): RunningTransfer;
  /**
   * Directories that may differ at this target, as the source is at some moment of which every later change is told.
   * @param skipped changes up to this call were skipped: the moment has to come after it
   */
  listDirectories(skipped: boolean): Promise<DirectoryList>;
  /** Keeps account of what the target acknowledged. */
  readonly journal: Journal;
  /** Whether deletes wait at the moment; see {@link Replicator.releaseHeld}. */
  holdsDeletes(): boolean;
  readonly observer: ReplicatorObserver;
}

/** Is told of every batch, so that it knows what the target has. */
export interface Journal {
  /** Before a batch is sent. @returns what {@link acknowledged} wants */
  sending(changes: readonly Change[]): Ticket;
  /**
   * The target took the batch; what it did not take is open again by then.
   * @param directories those of which only an `entry` was sent, parents before children
   * @returns those of them that have to be sent as `directory`
   */
  acknowledged(ticket: Ticket, directories: readonly RelPath[]): readonly RelPath[];
}

export interface RunningProbe {
  readonly outcome: Promise<ProbeOutcome>;
  cancel(): void;
}

export interface ReplicatorObserver {
  /** The state's name or its count of failures changed. */
  stateChanged(state: ReplicaState, before: ReplicaState): void;
  delivered(changes: readonly PendingChange[], stats: TransferStats): void;
  stuck(entry: StuckEntry): void;
  freed(path: RelPath): void;
  reconcileStarted(reason: string, directories: number): void;
  reconcileFinished(directories: number): void;
}

type Lane = 'live' | 'reconcile' | 'stuck' | 'big';

interface InFlight {
  readonly lane: Lane;
  readonly changes: readonly PendingChange[];
  readonly footprints: readonly RelPath[];
  readonly deleteMethod: DeleteMethod;
  /** The reconcile that its directories belong to. */
  readonly run: ReconcileRun | undefined;
  readonly ticket: Ticket;
  readonly running: RunningTransfer;
}

/** Counters of one target since the start. */
export interface ReplicatorTotals {
  files: number;
  sentBytes: number;
  deleted: number;
  batches: number;
  failures: number;
  /** When the target last took a batch, ms since the epoch. */
  lastSuccessAt: number | undefined;
}

/** A reconcile goes on for this long before a newer one replaces it; most of what it did is stored by then, ms. */
const minReconcileMs = 60_000;
/** So often a batch may come back whole, for its paths moved meanwhile, before a pause is made. */
const maxFruitless = 3;
/** Word of a change may be so late that the batch it met has ended, ms. */
const lateMs = 1_000;
const noPaths: ReadonlySet<RelPath> = new Set();

/**
 * Replicates to one target: reads its cursor, plans batches, keeps track of what is in flight, retries. Every path that
 * was read is kept (pending, in flight, big or stuck) until the target acknowledged it.
 */
export class Replicator {
  #state: ReplicaState = { name: 'idle' };
  #deleteMethod: DeleteMethod | undefined;
  #probe: RunningProbe | undefined;
  #reconcile: ReconcileRun | undefined;
  #isListing = false;
  #needsReconcile: string | undefined;
  /** Whether changes were skipped that no listing has seen yet. */
  #hasSkipped = false;
  /** Since when it has to be compared with the source; ms since the epoch. */
  #unknownSince: number | undefined;
  /** The oldest change that a comparison which is due or under way stands for; `undefined`: none is that counts. */
  #unknownSequence: Sequence | undefined;
  /** Whether a comparison was asked for yet. */
  #wasCompared = false;
  /** When a batch that carried more than attributes ended last, ms since the epoch. */
  #contentEndedAt = Number.NEGATIVE_INFINITY;
  /** Where the newest batch was taken from. */
  #lastLane: Lane | undefined;
  /** Batches in a row that came back whole. */
  #fruitless = 0;
  /** Connections that the target takes from here at the same time, as its refusals taught. */
  #connections = Number.POSITIVE_INFINITY;
  #isPaused = false;
  #cancelTimer: (() => void) | undefined;
  #cancelStuckTimer: (() => void) | undefined;
  readonly #pending = new PendingChanges();
  readonly #big = new PendingChanges();
  readonly #stuckRetries = new PendingChanges();
  /** Their deletes wait until they are released. */
  readonly #held = new HeldDeletes();
  /** Directories whose times may have been set back, each with a path in it. */
  readonly #disturbed = new Map<RelPath, RelPath>();
  readonly #stuck: StuckPaths;
  readonly #claims = new PathClaims();
  /** Those of the big lane once more. */
  readonly #bigClaims = new PathClaims();
  readonly #inFlight = new Set<InFlight>();
  readonly #totals: ReplicatorTotals = {
    files: 0,
    sentBytes: 0,
    deleted: 0,
    batches: 0,
    failures: 0,
    lastSuccessAt: undefined,
  };

  constructor(
    readonly name: string,
    private limits: ReplicatorLimits,
    private readonly ports: ReplicatorPorts,
  ) {
    this.#stuck = new StuckPaths(ports.random);
  }

  get state(): ReplicaState {
    return this.#state;
  }

  /** What is on its way is counted as far as it got. */
  get totals(): Readonly<ReplicatorTotals> {
    const totals = { ...this.#totals };
    for (const { running } of this.#inFlight) {
      totals.files += running.progress.files;
      totals.sentBytes += running.progress.sentBytes;
    }
    return totals;
  }

  get stuck(): Iterable<StuckEntry> {
    return this.#stuck;
  }

  get stuckCount(): number {
    return this.#stuck.size;
  }

  /** Paths that are gone at the source and wait to be deleted, and directories that wait for their deletes. */
  get held(): Iterable<Change> {
    return this.#held;
  }

  get heldCount(): number {
    return this.#held.size;
  }

  /** Entries of the target that they stand for. */
  get heldEntries(): number {
    return this.#held.entries;
  }

  /** Directories of the running reconcile; `undefined` when none runs. */
  get progress(): { done: number; total: number } | undefined {
    return this.#reconcile === undefined
      ? undefined
      : { done: this.#reconcile.done, total: this.#reconcile.total };
  }

  /** Changes that the target has not acknowledged; stuck paths and directories of a reconcile are not counted. */
  get pendingCount(): number {
    let count = this.ports.cursor.lag + this.#pending.size + this.#big.size;
    for (const batch of this.#inFlight)
      if (batch.lane === 'live' || batch.lane === 'big') count += batch.changes.length;
    return count;
  }

  /** Since when the target may lack something: of the oldest change that was not acknowledged; ms since the epoch. */
  get oldestPendingAt(): number | undefined {
    let oldest = this.ports.cursor.oldestUnreadAt ?? Number.POSITIVE_INFINITY;
    oldest = Math.min(oldest, this.#unknownSince ?? oldest);
    for (const pending of [this.#pending, this.#big]) oldest = Math.min(oldest, pending.oldestAt ?? oldest);
    for (const { changes, lane } of this.#inFlight) {
      if (lane !== 'stuck') for (const change of changes) oldest = Math.min(oldest, change.at);
    }
    return Number.isFinite(oldest) ? oldest : undefined;
  }

  /** Whether the target has everything that is known, stuck paths aside. */
  get isSettled(): boolean {
    return (
      this.#inFlight.size === 0 &&
      this.#pending.size === 0 &&
      this.#big.size === 0 &&
      this.#disturbed.size === 0 &&
      this.#reconcile === undefined &&
      this.#needsReconcile === undefined &&
      !this.#isListing &&
      !this.ports.cursor.isExpired &&
      this.ports.cursor.lag === 0
    );
  }

  /** Whether a comparison was asked for since the start. */
  get wasCompared(): boolean {
    return this.#wasCompared;
  }

  /** Whether every directory that was to be compared was sent, or is among the {@link openChanges}. */
  get isCompared(): boolean {
    return !this.#isReconciling && !this.ports.cursor.isExpired;
  }

  /**
   * Every change that the target has not acknowledged, those stuck and held included; the directories of a running
   * reconcile aside. `undefined` when it can't be told: a listing is due or under way, or they are more than `limit`.
   */
  openChanges(limit: number): Change[] | undefined {
    const { cursor } = this.ports;
    if (cursor.isExpired || this.#isListing || this.#needsReconcile !== undefined || cursor.lag > limit)
      return undefined;
    return [
      ...cursor.peek(limit),
      ...this.#pending,
      ...this.#big,
      ...this.#stuckRetries,
      ...this.#held,
      ...this.#stuck,
      ...[...this.#inFlight].flatMap(({ changes }) => changes),
      ...Array.from(this.#disturbed.values(), (path) => ({ kind: 'entry' as const, path })),
    ];
  }

  /**
   * Where the changes stand that were read and that the target has not acknowledged; the directories of a reconcile aside.
   * What is stuck comes first, and stays stuck while it is tried again: its error says more than that it is on its way.
   */
  *openWork(): Generator<OpenWork> {
    for (const entry of this.#stuck) yield { place: 'stuck', change: { ...entry, at: entry.since }, entry };
    for (const { lane, changes } of this.#inFlight)
      if (lane !== 'reconcile') for (const change of changes) yield { place: 'in flight', change };
    for (const change of this.#pending) yield { place: 'pending', change };
    for (const change of this.#big) yield { place: 'big', change };
    for (const change of this.#held) yield { place: 'held', change };
  }

  /** What the target may lack of what was logged up to a mark; `undefined`: it has acknowledged all of it. */
  lackOf({ through, readThrough, concerns }: Mark): Lack | undefined {
    const { cursor } = this.ports;
    const isUnknown = this.#unknownSequence !== undefined && this.#unknownSequence <= through;
    if (isUnknown || (cursor.isExpired && cursor.position < through)) return 'comparison';
    if (cursor.position < readThrough) return 'unread';
    for (const { place, change } of this.openWork())
      if ((change.sequence ?? 0) <= through && concerns(change)) return place;
    return undefined;
  }

  /** A change that is logged and was not read yet, for which `concerns` holds. */
  unread(concerns: (change: Change) => boolean): LoggedChange | undefined {
    return this.ports.cursor.peek(Number.POSITIVE_INFINITY).find(concerns);
  }

  /** Whether nothing is started until it is told otherwise. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Starts nothing any more, or goes on; what is in flight ends. */
  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.wake();
  }

  /** Others from the next batch on. */
  setLimits(limits: ReplicatorLimits): void {
    this.limits = limits;
    this.wake();
  }

  /** There may be changes to read. */
  wake(): void {
    this.#step({ type: 'work', reconcile: this.#isReconciling });
  }

  /**
   * Compares directories and sends what differs, as they are after this call. A reconcile that runs goes on for a while:
   * one that is replaced each time before it comes far would never get to its end.
   * @param isDoubtful whether something may have been missed; otherwise {@link lackOf} does not count it
   */
  reconcile(reason: string, { isDoubtful = true }: { readonly isDoubtful?: boolean } = {}): void {
    this.#needsReconcile = reason;
    this.#unknownSince ??= this.ports.clock.now();
    // Of a target that was never compared nothing is known.
    if (isDoubtful) this.#doubt(this.#wasCompared ? this.ports.cursor.head : 0);
    this.#wasCompared ||= isDoubtful;
    this.wake();
  }

  /** Sends these paths again as if they had just changed. */
  markChanged(changes: Iterable<Change>): void {
    const now = this.ports.clock.now();
    for (const { kind, path } of changes) this.#pending.add(kind, path, now);
    this.wake();
  }

  /** The deletes may go on: what was held is looked at again. */
  releaseHeld(): void {
    for (const { kind, path, at } of this.#held) this.#pending.add(kind, path, at);
    this.#held.clear();
    this.tryNow();
    this.wake();
  }

  /** What was held is given up: it is not deleted. @returns what it was */
  dropHeld(): Change[] {
    const dropped = Array.from(this.#held, ({ kind, path }) => ({ kind, path }));
    this.#held.clear();
    return dropped;
  }

  /** Tries at once instead of waiting for the back-off to end; stuck paths as well. */
  tryNow(): void {
    this.#stuck.expedite(this.ports.clock.now());
    this.#step({ type: 'try-again' });
    this.#retryStuck();
  }

  /** Nothing is sent until {@link resume}; what is in flight is cut and kept. */
  suspend(failure: ReplicaFailure): void {
    this.#step({ type: 'suspend', failure });
    this.cut();
  }

  resume(): void {
    this.#step({ type: 'resume' });
    this.wake();
  }

  /** Starts nothing more. @returns when nothing is in flight */
  async stop(): Promise<void> {
    this.#step({ type: 'stop' });
    this.#cancelStuckTimer?.();
    this.ports.scheduler.forget(this.name);
    this.ports.bigFileScheduler.forget(this.name);
    this.#probe?.cancel();
    await Promise.all([this.#probe?.outcome, ...[...this.#inFlight].map((batch) => batch.running.outcome)]);
  }

  /** Gives up what waits, after {@link stop}. */
  close(): void {
    this.ports.cursor.close();
  }

  /** Ends the transfers in flight at once; their changes are kept. */
  cut(): void {
    this.#probe?.cancel();
    for (const batch of this.#inFlight) batch.running.cancel();
  }

  get #isReconciling(): boolean {
    return this.#reconcile !== undefined || this.#isListing || this.#needsReconcile !== undefined;
  }

  /** What was logged from this change on may not be at the target. */
  #doubt(sequence: Sequence): void {
    this.#unknownSequence = Math.min(sequence, this.#unknownSequence ?? sequence);
  }

  #step(event: ReplicaEvent): void {
    const before = this.#state;
    const { state, effect } = next(before, event);
    this.#state = state;
    if (state.name !== before.name) {
      // Whatever was waited for belongs to the state that was left.
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
    }
    if (state.name !== before.name || attemptOf(state) !== attemptOf(before)) {
      this.ports.observer.stateChanged(state, before);
    }
    if (effect.type === 'wait') {
      const { retry, haltedMs } = this.limits;
      const delayMs =
        effect.verdict === 'halt' ? haltedMs : backoffDelayMs(effect.attempt, retry, this.ports.random());
      this.#cancelTimer = this.ports.clock.after(delayMs, () => this.#step({ type: 'try-again' }));
    }
    if (effect.type === 'send') this.#pump();
  }

  /** Starts every batch that may run now. */
  #pump(): void {
    if (this.#allowed === 0) return;
    if (this.ports.cursor.isExpired) {
      this.#doubt(this.ports.cursor.position + 1);
      // The listing begins after this point, so it sees all that the cursor jumps over.
      this.ports.cursor.renew();
      this.#hasSkipped = true;
      this.#needsReconcile ??= 'the change log ran over';
      this.#unknownSince ??= this.ports.clock.now();
    }
    if (this.#needsReconcile !== undefined && this.#mayList) this.#listDirectories(this.#needsReconcile);
    if (this.#deleteMethod !== undefined) {
      if (this.#isBigLanesTurn) this.#startBig();
      while (this.#smallInFlight < this.#allowed && this.#hasConnection && this.#startBatch());
      // After the small ones: a change above big files would otherwise find the next of them in its way each time.
      this.#startBig();
    } else if (this.#hasWork && this.#hasConnection) {
      this.#startProbe();
    }
    if (this.isSettled) this.#step({ type: 'settled' });
  }

  /** Whether there is anything to send. Without, the target is left alone: not even a probe is started. */
  get #hasWork(): boolean {
    const hasUnread = !this.ports.cursor.isExpired && this.ports.cursor.lag > 0;
    return hasUnread || this.#hasSmallWork || this.#big.size > 0 || this.#disturbed.size > 0;
  }

  get #allowed(): number {
    return this.#isPaused ? 0 : allowedInFlight(this.#state, this.limits.parallel);
  }

  get #hasConnection(): boolean {
    return this.#inFlight.size < this.#connections;
  }

  /** Where the lanes have to share the connections, none of them may keep the other from its turn. */
  get #isBigLanesTurn(): boolean {
    return Number.isFinite(this.#connections) && this.#lastLane !== 'big';
  }

  get #smallInFlight(): number {
    let count = 0;
    for (const batch of this.#inFlight) if (batch.lane !== 'big') count++;
    return count;
  }

  get #hasLiveInFlight(): boolean {
    for (const batch of this.#inFlight) if (batch.lane === 'live') return true;
    return false;
  }

  #startProbe(): void {
    if (this.#probe !== undefined) return;
    const probe = this.ports.probe();
    this.#probe = probe;
    void probe.outcome.then((outcome) => {
      this.#probe = undefined;
      if (outcome.result === 'ready') {
        this.#deleteMethod = outcome.deleteMethod;
        this.#pump();
      } else if (outcome.result === 'cancelled') {
        // It was cut when the source went away, which may be back by now.
        this.#pump();
      } else {
        this.#fail(outcome.result, outcome.failure);
      }
    });
  }

  get #mayList(): boolean {
    const run = this.#reconcile;
    return (
      !this.#isListing && (run === undefined || this.ports.clock.now() - run.startedAt >= minReconcileMs)
    );
  }

  #listDirectories(reason: string): void {
    this.#isListing = true;
    this.#needsReconcile = undefined;
    this.#reconcile = undefined;
    const skipped = this.#hasSkipped;
    this.#hasSkipped = false;
    this.ports.listDirectories(skipped).then(
      (list) => {
        this.#isListing = false;
        this.#reconcile = new ReconcileRun(list, this.ports.clock.now(), this.#unknownSince);
        this.ports.observer.reconcileStarted(reason, list.paths.length);
        this.#finishReconcileWhenDone();
        this.wake();
      },
      (error: unknown) => {
        this.#isListing = false;
        this.#hasSkipped ||= skipped;
        this.#needsReconcile ??= reason;
        if (error instanceof ReplicationError) {
          this.#fail('halt', { code: error.code, text: error.message, hint: error.hint });
          return;
        }
        const text = error instanceof Error ? error.message : String(error);
        this.#fail('retry', { code: 'SCAN_FAILED', text, hint: 'check that the source can be read' });
      },
    );
  }

  /** @returns whether a batch was started */
  #startBatch(): boolean {
    this.#readCursor();
    if (!this.#hasSmallWork && this.#inFlight.size === 0) this.#repairTimes();
    if (!this.#hasSmallWork) return false;
    // What changes now does not wait behind directories that are compared.
    const isUrgent = this.#pending.size > 0 && !this.#hasLiveInFlight;
    if (!this.ports.scheduler.tryAcquire(this.name, () => this.#pump(), isUrgent)) return false;
    const taken = this.#takeSmall();
    if (taken === undefined) {
      this.ports.scheduler.release(this.name, true);
      return false;
    }
    this.#send(taken.lane, taken.changes);
    return true;
  }

  /** What is read is kept here, so no more than a few batches of it; the rest stays in the log. */
  #readCursor(): void {
    const room = this.limits.maxPaths * (this.limits.parallel + 1) - this.#pending.size;
    if (room <= 0 || this.ports.cursor.isExpired) return;
    for (const change of this.ports.cursor.read(room)) {
      const kind = this.#kindToSend(change);
      this.#pending.put(kind === change.kind ? change : { ...change, kind });
    }
  }

  /**
   * rsync may look at a file later than whoever built its list. When the time of new content was put back in between, it
   * took the file for the same, and what is left to be told is a change of attributes: so the content is compared once more.
   */
  #kindToSend({ kind, path, at }: LoggedChange): ChangeKind {
    if (kind !== 'attributes') return kind;
    const mayHaveMetContent = this.#claims.conflictsWith(path) || at <= this.#contentEndedAt + lateMs;
    return mayHaveMetContent ? 'entry' : kind;
  }

  get #hasSmallWork(): boolean {
    return (
      this.#pending.size > 0 ||
      this.#stuckRetries.size > 0 ||
      (this.#reconcile !== undefined && !this.#reconcile.isExhausted)
    );
  }

  /** Fresh changes go first; a reconcile gets the second slot, or every other turn, so that neither starves the other. */
  #takeSmall(): { lane: Lane; changes: PendingChange[] } | undefined {
    const isOthersTurn = this.#hasLiveInFlight || (this.#allowed === 1 && this.#lastLane === 'live');
    const order: Lane[] = isOthersTurn ? ['reconcile', 'stuck', 'live'] : ['live', 'reconcile', 'stuck'];
    for (const lane of order) {
      const changes = this.#take(lane);
      if (changes.length === 0) continue;
      this.#lastLane = lane;
      return { lane, changes };
    }
    return undefined;
  }

  #take(lane: Lane): PendingChange[] {
    const { maxPaths, parallel } = this.limits;
    if (lane === 'reconcile') return this.#reconcile?.take(this.#claims, maxPaths, parallel) ?? [];
    const changes = lane === 'live' ? this.#pending : this.#stuckRetries;
    return takeBatch(changes, this.#claims, { ...this.#batchOptions, maxPaths });
  }

  get #batchOptions(): Omit<BatchOptions, 'maxPaths'> {
    const blocked = this.#reconcile?.blocked;
    return {
      now: this.ports.clock.now(),
      footprintOf: this.#footprint,
      reserved: blocked === undefined || this.#bigClaims.conflictsWith(blocked) ? [] : [blocked],
      lasting: this.#bigClaims,
    };
  }

  /** One big file at a time, beside the small batches. */
  #startBig(): void {
    if (this.#big.size === 0 || !this.#hasConnection) return;
    if ([...this.#inFlight].some((batch) => batch.lane === 'big')) return;
    // After a failure the one batch that is tried first is a small one, unless there is none.
    if (
      this.#state.name !== 'idle' &&
      'attempt' in this.#state &&
      this.#state.attempt > 0 &&
      this.#hasSmallWork
    )
      return;
    if (!this.ports.bigFileScheduler.tryAcquire(this.name, () => this.#pump())) return;
    const changes = takeBatch(this.#big, this.#claims, { ...this.#batchOptions, maxPaths: 1 });
    if (changes.length === 0) {
      this.ports.bigFileScheduler.release(this.name);
      return;
    }
    this.#lastLane = 'big';
    this.#send('big', changes);
  }

  readonly #footprint = (change: Change): RelPath =>
    this.#deleteMethod === 'parent-directory' ? parentFootprint(change) : ownFootprint(change);

  #send(lane: Lane, changes: readonly PendingChange[]): void {
    const { bigFileBytes, batchBytes } = this.limits;
    const deleteMethod = this.#deleteMethod ?? 'none';
    const crowded = lane === 'big' ? [] : crowdedDirectories(changes, this.#claims);
    const footprints = [...crowded, ...outside(crowded, changes.map(this.#footprint))];
    // A batch alone sets the times right by itself.
    if (this.#inFlight.size === 0 && this.#disturbed.size > 0) {
      for (const { path } of changes) this.#disturbed.delete(parentOf(path) ?? path);
    }
    for (const path of footprints) {
      this.#claims.claim(path);
      if (lane === 'big') this.#bigClaims.claim(path);
    }
    const ticket = this.ports.journal.sending(changes);
    const running = this.ports.send({
      list: changes,
      changes: packChanges(changes),
      deleteMethod,
      holdDeletes: this.ports.holdsDeletes(),
      isLive: lane !== 'reconcile',
      bigFileBytes: lane === 'big' ? Number.POSITIVE_INFINITY : bigFileBytes,
      batchBytes: lane === 'big' ? Number.POSITIVE_INFINITY : batchBytes,
      crowded,
    });
    const run = lane === 'reconcile' ? this.#reconcile : undefined;
    const batch: InFlight = { lane, changes, footprints, deleteMethod, run, ticket, running };
    this.#inFlight.add(batch);
    void running.outcome.then((outcome) => this.#finish(batch, outcome));
  }

  #finish(batch: InFlight, outcome: TransferOutcome): void {
    this.#inFlight.delete(batch);
    for (const path of batch.footprints) {
      this.#claims.release(path);
      if (batch.lane === 'big') this.#bigClaims.release(path);
    }
    this.#noteDisturbed(batch);
    if (batch.changes.some(({ kind }) => kind !== 'attributes'))
      this.#contentEndedAt = this.ports.clock.now();
    switch (outcome.result) {
      case 'acknowledge':
        this.#acknowledge(batch, outcome);
        break;
      case 'delete-method':
        this.#keep(batch);
        // With nothing left to fall back to, a person has to look.
        if (batch.deleteMethod === 'missing-args') this.#deleteMethod = 'parent-directory';
        else this.#fail('halt', outcome.failure);
        break;
      case 'source-changed':
        this.#keep(batch);
        this.#fail('retry', outcome.failure);
        break;
      case 'cancelled':
        this.#keep(batch);
        break;
      default:
        this.#keep(batch);
        if (outcome.failure.code === 'MAX_CONNECTIONS' && this.#inFlight.size > 0) {
          // It takes fewer than there were, and is well: the next batch starts when one of the others ends.
          this.#connections = this.#inFlight.size;
          break;
        }
        this.#connections = Number.POSITIVE_INFINITY;
        // Whoever answers next time may be another rsync: ask it again how it deletes.
        this.#deleteMethod = undefined;
        this.#fail(outcome.result, outcome.failure);
    }
    // Releasing wakes other targets, and this one may take the slot again: so it comes last.
    (batch.lane === 'big' ? this.ports.bigFileScheduler : this.ports.scheduler).release(this.name);
    this.#pump();
  }

  #acknowledge(batch: InFlight, outcome: Extract<TransferOutcome, { result: 'acknowledge' }>): void {
    const now = this.ports.clock.now();
    const { stats } = outcome;
    const failed =
      outcome.stuck.length === 0 ? noPaths : new Set(outcome.stuck.map(({ path }) => asRelPath(path)));
    const directories = Array.from(unpackChanges(outcome.directories), ({ path }) => path);
    const originOf = originsOf(batch.changes);
    // What is left waits since it changed, not since this batch.
    const leave = (place: PendingChanges, kind: ChangeKind, path: RelPath): void =>
      place.put({ kind, path, ...originOf(path) });
    for (const path of directories)
      if (!failed.has(path) && this.#mayStandOnRemains(path)) leave(this.#pending, 'tree', path);
    for (const path of this.#stuck.clearCovered(batch.changes, failed)) this.ports.observer.freed(path);
    for (const { kind, path, code, text } of outcome.stuck) {
      this.ports.observer.stuck(this.#stuck.report({ kind, path: asRelPath(path) }, code, text, now));
    }
    let deferred = 0;
    for (const { kind, path } of unpackChanges(outcome.deferred)) {
      leave(this.#pending, kind, path);
      deferred++;
    }
    let big = 0;
    for (const { kind, path } of unpackChanges(outcome.big)) {
      leave(this.#big, kind, path);
      big++;
    }
    this.#held.delivered(batch.changes);
    this.#held.add(
      Array.from(unpackChanges(outcome.held), (change) => ({ ...change, at: originOf(change.path).at })),
      outcome.heldEntries,
    );
    for (const path of this.ports.journal.acknowledged(batch.ticket, directories))
      leave(this.#pending, 'directory', path);
    batch.run?.delivered(batch.changes.length);
    this.#finishReconcileWhenDone();
    this.#totals.files += stats.files;
    this.#totals.sentBytes += stats.sentBytes;
    this.#totals.deleted += stats.deleted;
    this.#totals.batches++;
    this.#totals.lastSuccessAt = now;
    this.#retryStuck();
    const isFruitless = deferred >= batch.changes.length && big === 0 && stats.files + stats.deleted === 0;
    this.#fruitless = isFruitless ? this.#fruitless + 1 : 0;
    if (this.#fruitless > maxFruitless) {
      this.#fail('retry', {
        code: 'SOURCE_MOVING',
        text: 'every path of the batch changed while it was sent',
        hint: 'nothing to do: it is sent when the source is quieter',
      });
      return;
    }
    this.ports.observer.delivered(batch.changes, stats);
    this.#step({ type: 'delivered' });
  }

  /** Whether something with the directory's name may be left at the target that could not be deleted, or was not to be yet. */
  #mayStandOnRemains(path: RelPath): boolean {
    return [this.#held, this.#stuck].some((left) => {
      if (left.size === 0) return false;
      const [own, parent, ...others] = [path, ...ancestorsOf(path)].map((each) => left.kindOf(each));
      return own !== undefined || parent === 'directory' || parent === 'tree' || others.includes('tree');
    });
  }

  /** The changes of a batch that was not delivered wait again, in the lane that they came from. */
  #keep(batch: InFlight): void {
    if (batch.run !== undefined && batch.run === this.#reconcile) {
      batch.run.giveBack(batch.changes);
      return;
    }
    const lane =
      batch.lane === 'big' ? this.#big : batch.lane === 'stuck' ? this.#stuckRetries : this.#pending;
    for (const change of batch.changes) lane.put(change);
  }

  #fail(verdict: 'retry' | 'halt', failure: ReplicaFailure): void {
    this.#totals.failures++;
    this.#step({ type: 'failed', verdict, failure });
  }

  #finishReconcileWhenDone(): void {
    const run = this.#reconcile;
    if (run === undefined || !run.isExhausted) return;
    for (const batch of this.#inFlight) if (batch.lane === 'reconcile') return;
    this.#reconcile = undefined;
    if (!this.#isReconciling) {
      this.#unknownSince = undefined;
      this.#unknownSequence = undefined;
    }
    this.ports.observer.reconcileFinished(run.total);
  }

  /**
   * A batch sets the times of every directory above its paths, as they were when it began. When a batch beside it
   * changed such a directory later and ended sooner, the slower one sets the times back. So one path of that directory
   * is sent once more when all is quiet: its own content is up to date, the directories above it come along.
   */
  #noteDisturbed(batch: InFlight): void {
    if (this.#inFlight.size === 0) return;
    for (const { path } of batch.changes) {
      const parent = parentOf(path);
      if (parent !== undefined && this.#claims.hasBelow(parent)) this.#disturbed.set(parent, path);
    }
  }

  #repairTimes(): void {
    const now = this.ports.clock.now();
    // Their content is there already.
    for (const path of this.#disturbed.values())
      this.#pending.add('entry', path, now, Number.POSITIVE_INFINITY);
    this.#disturbed.clear();
  }

  #retryStuck(): void {
    const { clock } = this.ports;
    this.#cancelStuckTimer?.();
    this.#cancelStuckTimer = undefined;
    const now = clock.now();
    const due = this.#stuck.takeDue(now);
    for (const { kind, path } of due) this.#stuckRetries.add(kind, path, now);
    const dueAt = this.#stuck.nextDueAt;
    if (dueAt !== undefined)
      this.#cancelStuckTimer = clock.after(Math.max(0, dueAt - now), () => this.#retryStuck());
    if (due.length > 0) this.wake();
  }
}

/** Those that do not lie directly in one of the directories, which are claimed anyway. */
const outside = (directories: readonly RelPath[], paths: RelPath[]): RelPath[] => {
  if (directories.length === 0) return paths;
  const claimed = new Set<RelPath | undefined>(directories);
  const parentOfNext = neighboursParent();
  return paths.filter((path) => !claimed.has(parentOfNext(path)));
};
