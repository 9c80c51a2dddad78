import { closeSync, constants, openSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { SourceIdentity } from './messages.js';
import type { RsyncCall } from './rsync-args.js';
import { RsyncChild, type RsyncRun, type RunListener } from './rsync-child.js';

/**
 * Longest list that a standby is given, bytes: to read a longer one takes rsync more than to start with the paths as
 * arguments. And it goes into the empty pipe in one system call: should this process be killed, rsync never sees half a
 * list, which it would carry out as it stands.
 */
const maxListBytes = 8 * 1024;
/**
 * After a batch that a standby could serve, one is started when nothing is sent any more, and at the latest after twice the
 * time that the batch took, which is kept between these, ms. Starting rsync is much work, and the same change is often on
 * its way to other targets.
 */
const startMs = { least: 20, most: 200 };
/** After a longer list others are likely to follow at once, and a standby would serve none of them, ms. */
const startAfterLongMs = 200;
/** A standby that was not used for this long is ended: a target without changes costs nothing. */
const maxIdleMs = 60_000;

/** What a standby was started for; it serves nothing else. */
export interface StandbyFor {
  readonly call: RsyncCall;
  readonly identity: SourceIdentity;
}

/** A started rsync that has connected and waits for its list. */
class Standby {
  readonly key: string;
  readonly startedAt = performance.now();
  readonly #child: RsyncChild;
  #isGone = false;

  constructor(purpose: StandbyFor, rootFd: number, env: NodeJS.ProcessEnv) {
    this.key = JSON.stringify(purpose);
    this.#child = new RsyncChild(purpose.call, { rootFd, env, stdin: 'pipe' });
    // The other end may be gone when the list is written; the child's end tells why.
    this.#child.stdin?.on('error', () => {});
    void this.#child.gone.then(() => {
      this.#isGone = true;
    });
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  get ageMs(): number {
    return performance.now() - this.startedAt;
  }

  run(list: Uint8Array, listener: RunListener): Promise<RsyncRun> {
    this.#child.stdin?.end(list);
    return this.#child.follow(listener);
  }

  /** Ends it without a list: it changes nothing and says nothing. @returns when it is gone */
  async retire(): Promise<void> {
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.#child.end('cancel'), 500);
    await this.#child.gone;
    clearTimeout(timer);
  }
}

/** A standby that is to be started. */
interface Plan {
  readonly purpose: StandbyFor;
  /** The source root, open for the plan alone. */
  readonly rootFd: number;
  readonly isUrgent: boolean;
  readonly timer: NodeJS.Timeout;
}

/** What was learned of one target. */
interface Seat {
  plan: Plan | undefined;
  standby: Standby | undefined;
  cancelIdle: NodeJS.Timeout | undefined;
  /** Resolves when the ones that were retired are gone. */
  ended: Promise<void>;
  /** Older ones are not trusted: the daemon has given up on one of this age. */
  maxAgeMs: number;
  /** It has no connection to spare. */
  isGivenUp: boolean;
}

/** The standbys of a worker thread: at most one for each target. */
export class Standbys {
  readonly #seats = new Map<string, Seat>();
  /** Batches that are on. */
  #running = 0;

  constructor(private readonly env: NodeJS.ProcessEnv) {}

  /** Carries out a batch. */
  async during<T>(batch: () => Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await batch();
    } finally {
      this.#running--;
    }
  }

  /** Nothing is sent: starts those that are planned for short lists, one after the other until a batch comes. */
  async startPlanned(): Promise<void> {
    for (const seat of this.#seats.values()) {
      if (this.#running > 0) return;
      if (seat.plan?.isUrgent !== true) continue;
      this.#start(seat);
      await setImmediate();
    }
  }

  /**
   * Plans one for the target's next batch, if none waits that serves the same purpose; in a moment it is started.
   * @param batch what was delivered: the length of its list, and how long its rsync took
   */
  prepare(purpose: StandbyFor, rootFd: number, batch: { listBytes: number; durationMs: number }): void {
    const { name } = purpose.call.target;
    const seat = this.#seat(name);
    if (seat.isGivenUp || (seat.standby?.key === JSON.stringify(purpose) && this.#isFit(seat))) return;
    void this.retire(name);
    const isUrgent = batch.listBytes <= maxListBytes;
    const afterMs = Math.min(startMs.most, Math.max(startMs.least, 2 * batch.durationMs));
    seat.plan = {
      purpose,
      rootFd: openSync(`/proc/self/fd/${rootFd}`, constants.O_RDONLY | constants.O_DIRECTORY),
      isUrgent,
      timer: setTimeout(() => this.#start(seat), isUrgent ? afterMs : startAfterLongMs).unref(),
    };
  }

  /**
   * Gives a list to the target's standby. `undefined` when none fits: then the list goes to an rsync of its own. A run
   * that failed is to be repeated in that way before it counts, for a standby may have died unnoticed.
   */
  async run(purpose: StandbyFor, list: Uint8Array, listener: RunListener): Promise<RsyncRun | undefined> {
    const target = purpose.call.target.name;
    const seat = this.#seat(target);
    dropPlan(seat);
    const { standby } = seat;
    if (standby === undefined || list.length > maxListBytes) return undefined;
    if (standby.key !== JSON.stringify(purpose) || !this.#isFit(seat)) {
      await this.retire(target);
      return undefined;
    }
    clearTimeout(seat.cancelIdle);
    seat.standby = undefined;
    const { ageMs } = standby;
    const run = await standby.run(list, listener);
    if (run.exitCode === 12 || run.exitCode === 10) seat.maxAgeMs = Math.max(1_000, ageMs / 2);
    return run;
  }

  /** The target has too few connections for a standby: it gets none any more. @returns when the one it has is gone */
  async giveUp(target: string): Promise<void> {
    this.#seat(target).isGivenUp = true;
    await this.retire(target);
  }

  /** Ends the target's standby. @returns when it, and any that was ended before, is gone */
  async retire(target: string): Promise<void> {
    const seat = this.#seat(target);
    dropPlan(seat);
    const { standby } = seat;
    clearTimeout(seat.cancelIdle);
    seat.standby = undefined;
    if (standby !== undefined && !standby.isGone) {
      const { ended } = seat;
      seat.ended = standby.retire().then(() => ended);
    }
    await seat.ended;
  }

  async retireAll(): Promise<void> {
    await Promise.all([...this.#seats.keys()].map((target) => this.retire(target)));
  }

  #start(seat: Seat): void {
    const { plan } = seat;
    if (plan === undefined) return;
    const { name, standby: wish } = plan.purpose.call.target;
    seat.standby = new Standby(plan.purpose, plan.rootFd, this.env);
    dropPlan(seat);
    const lifeMs = Math.min(wish === 'on' ? Number.POSITIVE_INFINITY : maxIdleMs, seat.maxAgeMs);
    if (Number.isFinite(lifeMs)) seat.cancelIdle = setTimeout(() => void this.retire(name), lifeMs).unref();
  }

  #isFit({ standby, maxAgeMs }: Seat): boolean {
    return standby !== undefined && !standby.isGone && standby.ageMs < maxAgeMs;
  }

  #seat(target: string): Seat {
    let seat = this.#seats.get(target);
    if (seat === undefined) {
      seat = {
        plan: undefined,
        standby: undefined,
        cancelIdle: undefined,
        ended: Promise.resolve(),
        maxAgeMs: Number.POSITIVE_INFINITY,
        isGivenUp: false,
      };
      this.#seats.set(target, seat);
    }
    return seat;
  }
}

const dropPlan = (seat: Seat): void => {
  if (seat.plan === undefined) return;
  clearTimeout(seat.plan.timer);
  closeSync(seat.plan.rootFd);
  seat.plan = undefined;
};
