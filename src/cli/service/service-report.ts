import type { Daemon } from '../../daemon/status.js';
import type { ServiceManager } from './service-manager.js';
import { statusLine } from './status-line.js';

/** Pause between two looks at the status, ms: the manager gets no more than one line in this time. */
const lookMs = 2_000;
/** How much longer the start may take while the walk goes on, ms. */
const extensionMs = 30_000;
/** What a stop takes beside the transfers: the last calls of hooks, storing what was acknowledged, ms. */
const stopMs = 20_000;

/** Tells the service manager of one run: sd_notify(3), in the order start, reloads, stop. */
export class ServiceReport {
  #daemon: Pick<Daemon, 'status' | 'ping'> | undefined;
  #timers: NodeJS.Timeout[] = [];
  #isReady = false;
  #isStopping = false;
  /** What the manager shows at the moment. */
  #line = '';
  /** Directories at the last look. */
  #directories = 0;
  #turns: number | undefined;

  constructor(private readonly manager: ServiceManager) {}

  /** Reports from now on; `READY=1` as soon as every directory is watched. */
  follow(daemon: Pick<Daemon, 'status' | 'ping' | 'live'>): void {
    if (!this.manager.isThere) return;
    this.#daemon = daemon;
    this.#look();
    this.#timers = [setInterval(() => this.#look(), lookMs).unref()];
    void daemon.live.then(() => this.#ready());
  }

  /** Around a reload: the manager shows that one is going on. Before `READY=1` it is part of the start. */
  async reloading(reload: () => Promise<void>): Promise<void> {
    const isTold = this.#isReady && !this.#isStopping;
    if (isTold) this.manager.send({ RELOADING: 1, MONOTONIC_USEC: String(process.hrtime.bigint() / 1_000n) });
    await reload();
    if (isTold && !this.#isStopping) this.manager.send({ READY: 1, STATUS: this.#currentLine() });
  }

  /**
   * @param stopTimeoutSeconds how long the running transfers may take
   * @param reason why it ends, when nobody asked for it
   */
  stopping(stopTimeoutSeconds: number, reason = 'Finishing the running transfers'): void {
    this.#isStopping = true;
    for (const timer of this.#timers) clearInterval(timer);
    // The time that the unit allows is enough for the default; a longer stopTimeoutSeconds needs no other unit.
    this.manager.send({
      STOPPING: 1,
      STATUS: reason,
      EXTEND_TIMEOUT_USEC: (stopTimeoutSeconds * 1_000 + stopMs) * 1_000,
    });
  }

  /** Why it ends; stays to be seen in `systemctl status`. */
  failed(reason: string): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.manager.send({ STATUS: reason });
  }

  #ready(): void {
    if (this.#isStopping) return;
    this.#isReady = true;
    this.manager.send({ READY: 1, STATUS: this.#currentLine() });
    const { watchdogMs } = this.manager;
    if (watchdogMs === undefined) return;
    this.#turns = this.#daemon?.ping();
    this.#timers.push(setInterval(() => this.#signOfLife(), watchdogMs / 2).unref());
  }

  /** This runs: the event loop turns. And the thread that watches has turned since it was asked to. */
  #signOfLife(): void {
    const turns = this.#daemon?.ping();
    if (turns === undefined || turns !== this.#turns) this.manager.send({ WATCHDOG: 1 });
    this.#turns = turns;
  }

  #look(): void {
    const before = this.#line;
    const line = this.#currentLine();
    const directories = this.#daemon?.status().directories ?? 0;
    // A walk that stands still, on a server that does not answer for instance, gets no more time.
    const isWalking = !this.#isReady && directories > this.#directories;
    this.#directories = directories;
    if (line === before && !isWalking) return;
    this.manager.send({
      ...(isWalking ? { EXTEND_TIMEOUT_USEC: extensionMs * 1_000 } : {}),
      STATUS: line,
    });
  }

  #currentLine(): string {
    this.#line = this.#daemon === undefined ? '' : statusLine(this.#daemon.status());
    return this.#line;
  }
}
