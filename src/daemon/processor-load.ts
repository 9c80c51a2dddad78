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
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #isBusy = true;

  constructor(
    private readonly processors = cpus().length,
    private readonly read = readUptime,
    private readonly nowMs = () => performance.now(),
  ) {}

  /** Whether they had next to nothing to spare since this was asked before; also when that is too long ago to tell. */
  isBusy(): boolean {
    const now = this.nowMs();
    const passedMs = now - this.#lookedAtMs;
    if (passedMs < windowMs.least) return this.#isBusy;
    this.#lookedAtMs = now;
    const last = this.#last;
    this.#last = this.read();
    if (this.#last === undefined) this.#isBusy = false;
    else if (last === undefined || passedMs > windowMs.most) this.#isBusy = true;
    else {
      const sum = (this.#last.seconds - last.seconds) * this.processors;
      this.#isBusy = this.#last.idleSeconds - last.idleSeconds <= (1 - busyShare) * sum;
    }
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
