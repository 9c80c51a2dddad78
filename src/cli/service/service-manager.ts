import { loadAddon } from '../../native/addon.js';

/** How a message leaves; throws a system error, `EAGAIN` when the manager's queue is full. */
export type Send = (socket: string, message: string) => void;

/** Assignments of sd_notify(3): `STATUS` -> text. */
export type Assignments = Readonly<Record<string, string | number>>;

/** Messages that wait for a manager that does not read; beyond it the oldest are dropped. */
const maxWaiting = 32;
const retryMs = 100;
/** Characters of one value; systemd shows them in one line. */
const maxLength = 400;

/** The service manager that started this process, mostly systemd. Without one nothing happens. Never throws. */
export class ServiceManager {
  #waiting: string[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param watchdogMs within this time `WATCHDOG=1` is expected again and again; `undefined`: never */
  constructor(
    private readonly socket: string | undefined,
    readonly watchdogMs: number | undefined = undefined,
    private readonly sendNow: Send = (to, message) => loadAddon().notifyService(to, message),
  ) {}

  get isThere(): boolean {
    return this.socket !== undefined;
  }

  /** One message; what is still waiting goes first. */
  send(assignments: Assignments): void {
    if (this.socket === undefined) return;
    const lines = Object.entries(assignments).map(([name, value]) => `${name}=${oneLine(String(value))}`);
    this.#waiting = [...this.#waiting, lines.join('\n')].slice(-maxWaiting);
    this.#flush();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    const { socket } = this;
    for (let next = this.#waiting[0]; socket !== undefined && next !== undefined; next = this.#waiting[0]) {
      try {
        this.sendNow(socket, next);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') {
          this.#timer = setTimeout(() => this.#flush(), retryMs).unref();
          return;
        }
        // Nobody listens there: the replication is worth more than its manager.
      }
      this.#waiting.shift();
    }
  }
}

/**
 * Takes what a service manager left in the environment out of it: the programs that are started from here must neither
 * speak in this process's name nor be asked for signs of life.
 */
export const takeServiceManager = (env: NodeJS.ProcessEnv): ServiceManager => {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdog, WATCHDOG_PID: pid } = env;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  const isMeant = pid === undefined || Number(pid) === process.pid;
  const watchdogMs = isMeant && Number(watchdog) > 0 ? Number(watchdog) / 1_000 : undefined;
  return new ServiceManager(socket === '' ? undefined : socket, watchdogMs);
};

/** A line break would begin another assignment. */
const oneLine = (text: string): string => {
  const line = text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
  return line.length <= maxLength ? line : `${line.slice(0, maxLength - 1)}…`;
};
