import { backoffDelayMs } from '../core/backoff.js';
import { type Change, widerKind } from '../core/change.js';
import type { Clock } from '../core/clock.js';
import type { Hook } from '../core/hook.js';
import type { RelPath } from '../core/path.js';
import { type HookAction, type HookCall, HookFailure } from './hook-call.js';

/** How one hook does. Plain data; counts since the start. */
export interface HookStatus {
  /** As in the configuration; its type where that has none, with a number where there are several. */
  readonly name: string;
  /** What kind of hook it is. */
  readonly type: Hook['type'];
  /** Paths that wait, those of running calls included. */
  readonly waiting: number;
  /** Calls that run or wait for their next try. */
  readonly running: number;
  /** Calls that worked. */
  readonly delivered: number;
  /** Tries that failed. */
  readonly failed: number;
  /** Paths that the hook was never told of: given up after the last try, or pushed out of a full queue. */
  readonly lost: number;
  /** Why the newest try failed; absent when the newest worked. */
  readonly lastError?: string;
}

export interface HookObserver {
  failed(hook: string, target: string | undefined, reason: string, attempt: number): void;
  /** A call worked after tries that failed. */
  recovered(hook: string, target: string | undefined): void;
  lost(hook: string, paths: number, reason: string): void;
}

export interface HookQueueOptions {
  /** Absolute path of the source root. */
  readonly source: string;
  /** Makes the names of calls unique over restarts. */
  readonly runId: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly observer: HookObserver;
}

/** The calls of one target, or of none, which come one after the other. */
interface Lane {
  readonly target: string | undefined;
  /** Oldest change first. */
  readonly waiting: Map<RelPath, Change>;
  running: { readonly call: HookCall; readonly attempt: number } | undefined;
  cancelPause: (() => void) | undefined;
  /** Number of its newest call. */
  turn: number;
}

/** Pauses between the tries of a call. */
const pauses = { minMs: 500, maxMs: 60_000 };

/**
 * Calls one hook: for each target one call after the other, what gathers meanwhile goes together with the next, a call that
 * fails is tried again. What waits is limited. Nothing here is ever waited for by the replication.
 */
export class HookQueue {
  readonly #lanes = new Map<string | undefined, Lane>();
  readonly #aborts = new Set<AbortController>();
  #waiting = 0;
  #active = 0;
  #calls = 0;
  #delivered = 0;
  #failed = 0;
  #lost = 0;
  #lastError: string | undefined;
  #isEnding = false;
  #idle: () => void = () => {};

  constructor(
    private hook: Hook,
    private action: HookAction,
    private readonly options: HookQueueOptions,
  ) {}

  get status(): HookStatus {
    const lanes = [...this.#lanes.values()];
    return {
      name: this.hook.name,
      type: this.hook.type,
      waiting: lanes.reduce((sum, { running }) => sum + (running?.call.changes.length ?? 0), this.#waiting),
      running: lanes.filter(({ running }) => running !== undefined).length,
      delivered: this.#delivered,
      failed: this.#failed,
      lost: this.#lost,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
    };
  }

  /** The next tries are made in another way; what waits stays. */
  configure(hook: Hook, action: HookAction): void {
    this.hook = hook;
    this.action = action;
    this.#pump();
  }

  /** @param target lane of its own; `undefined` for changes that several targets have, or none */
  add(target: string | undefined, changes: readonly Change[]): void {
    if (changes.length === 0 || this.#isEnding) return;
    const lane = this.#laneOf(target);
    for (const { kind, path } of changes) {
      const older = lane.waiting.get(path);
      if (older === undefined) this.#waiting++;
      else lane.waiting.delete(path);
      lane.waiting.set(path, { kind: older === undefined ? kind : widerKind(kind, older.kind), path });
    }
    this.#limit(lane);
    this.#pump();
  }

  /** Counts paths that got lost before they came here. */
  noteLost(paths: number, reason: string): void {
    if (paths === 0) return;
    this.#lost += paths;
    this.options.observer.lost(this.hook.name, paths, reason);
  }

  /**
   * Takes nothing more; calls what waits once, without further tries.
   * @param reason why what failed before is given up
   * @returns when nothing is left
   */
  async end(reason = 'imgsync-fast stops'): Promise<void> {
    this.#isEnding = true;
    for (const lane of this.#lanes.values()) {
      lane.cancelPause?.();
      if (lane.cancelPause !== undefined) this.#giveUp(lane, reason);
    }
    this.#pump();
    if (this.#isIdle) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  /** Ends the running calls and gives up what waits. */
  cut(): void {
    this.#isEnding = true;
    let left = 0;
    for (const lane of this.#lanes.values()) {
      left += lane.waiting.size;
      lane.waiting.clear();
    }
    this.#waiting = 0;
    this.noteLost(left, 'imgsync-fast stops');
    for (const abort of this.#aborts) abort.abort(new HookFailure('it was cut'));
  }

  get #isIdle(): boolean {
    return [...this.#lanes.values()].every(
      ({ waiting, running }) => waiting.size === 0 && running === undefined,
    );
  }

  #laneOf(target: string | undefined): Lane {
    let lane = this.#lanes.get(target);
    if (lane === undefined) {
      lane = { target, waiting: new Map(), running: undefined, cancelPause: undefined, turn: 0 };
      this.#lanes.set(target, lane);
    }
    return lane;
  }

  #limit(lane: Lane): void {
    let lost = 0;
    for (const path of lane.waiting.keys()) {
      if (this.#waiting <= this.hook.queuePaths) break;
      lane.waiting.delete(path);
      this.#waiting--;
      lost++;
    }
    this.noteLost(lost, 'more paths than queuePaths waited');
  }

  #pump(): void {
    while (this.#active < this.hook.concurrency) {
      let next: Lane | undefined;
      // Whose turn was longest ago.
      for (const lane of this.#lanes.values())
        if (
          lane.running === undefined &&
          lane.waiting.size > 0 &&
          lane.turn < (next?.turn ?? Number.POSITIVE_INFINITY)
        )
          next = lane;
      if (next === undefined) return;
      this.#start(next);
    }
  }

  #start(lane: Lane): void {
    const changes: Change[] = [];
    for (const [path, change] of lane.waiting) {
      if (changes.length >= this.hook.maxPaths) break;
      changes.push(change);
      lane.waiting.delete(path);
    }
    this.#waiting -= changes.length;
    const { source, runId } = this.options;
    const id = `${runId}-${++this.#calls}`;
    lane.turn = this.#calls;
    this.#try(lane, { hook: this.hook.name, target: lane.target, source, id, changes }, 1);
  }

  #try(lane: Lane, call: HookCall, attempt: number): void {
    lane.running = { call, attempt };
    this.#active++;
    void this.#carryOut(call).then((failure) => {
      this.#active--;
      if (failure === undefined) this.#succeeded(lane, attempt);
      else this.#failedOnce(lane, failure);
      this.#pump();
      if (this.#isEnding && this.#isIdle) this.#idle();
    });
  }

  /** @returns why it failed */
  async #carryOut(call: HookCall): Promise<string | undefined> {
    const { timeoutSeconds } = this.hook;
    const abort = new AbortController();
    this.#aborts.add(abort);
    const cancel = this.options.clock.after(timeoutSeconds * 1_000, () =>
      abort.abort(new HookFailure(`it took longer than ${timeoutSeconds} s`)),
    );
    try {
      await this.action(call, abort.signal);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      cancel();
      this.#aborts.delete(abort);
    }
  }

  #succeeded(lane: Lane, attempt: number): void {
    lane.running = undefined;
    this.#delivered++;
    this.#lastError = undefined;
    if (attempt > 1) this.options.observer.recovered(this.hook.name, lane.target);
  }

  #failedOnce(lane: Lane, reason: string): void {
    if (lane.running === undefined) return;
    const { call, attempt } = lane.running;
    this.#failed++;
    this.#lastError = reason;
    this.options.observer.failed(this.hook.name, lane.target, reason, attempt);
    if (attempt > this.hook.retries || this.#isEnding) {
      this.#giveUp(lane, reason);
      return;
    }
    const { clock, random } = this.options;
    lane.cancelPause = clock.after(backoffDelayMs(attempt, pauses, random()), () => {
      lane.cancelPause = undefined;
      this.#try(lane, call, attempt + 1);
    });
  }

  #giveUp(lane: Lane, reason: string): void {
    const paths = lane.running?.call.changes.length ?? 0;
    lane.running = undefined;
    this.noteLost(paths, reason);
  }
}
