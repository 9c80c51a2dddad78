import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import type { Crowd } from '../replicate/scheduler.js';

/** With fewer, some processors wait for the other side now and then. */
const transfersPerProcessor = 2;

/** Of the time of all processors. */
const busyShare = 0.9;
/** /proc/uptime counts in hundredths of a second, so a shorter time says little; what was long ago says nothing, ms. */
const windowMs = { least: 200, most: 3_000 };

/** Seconds since the machine started, and those that its processors were idle, in sum over them. */
export interface Uptime {
  readonly seconds: number;
  readonly idleSeconds: number;
}

/** Tells whether the machine's processors have anything to spare. Looks only when asked. */
export class ProcessorLoad {
  #last: Uptime | undefined;
  #isBusy = true;

  constructor(
    private readonly processors = cpus().length,
    private readonly read = readUptime,
  ) {}

  /** Whether they had next to nothing to spare since this was asked before; also when that is too long ago to tell. */
  isBusy(): boolean {
    const now = this.read();
    if (now === undefined) return false;
    const last = this.#last;
    const passedMs = last === undefined ? Number.POSITIVE_INFINITY : 1_000 * (now.seconds - last.seconds);
    if (last !== undefined && passedMs < windowMs.least) return this.#isBusy;
    this.#last = now;
    const idleMs = 1_000 * (now.idleSeconds - (last?.idleSeconds ?? 0));
    this.#isBusy = passedMs > windowMs.most || idleMs <= (1 - busyShare) * passedMs * this.processors;
    return this.#isBusy;
  }
}

/** proc(5). `undefined`: there is none to be read. */
const readUptime = (): Uptime | undefined => {
  try {
    const [seconds, idleSeconds] = readFileSync('/proc/uptime', 'utf8').split(' ').map(Number);
    return seconds === undefined || idleSeconds === undefined ? undefined : { seconds, idleSeconds };
  } catch {
    return undefined;
  }
};

/** What the transfers of this process are on this machine. */
export const localCrowd = (load = new ProcessorLoad()): Crowd => ({
  from: transfersPerProcessor * availableParallelism(),
  isBusy: () => load.isBusy(),
});
