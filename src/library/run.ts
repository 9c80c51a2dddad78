import type { Config } from '../config/config.js';
import type { ReplicationError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { startDaemon } from '../daemon/daemon.js';
import type { DaemonObserver } from '../daemon/observer.js';
import type { Daemon } from '../daemon/status.js';

export interface RunPorts {
  config(): Promise<Config>;
  readonly logger: Logger;
  readonly observer: DaemonObserver;
  /** It ran and can't go on; it is stopping by itself. */
  failed(error: ReplicationError): void;
  /** Nothing of it is left. */
  ended(): void;
}

export type RunPhase = 'starting' | 'running' | 'stopping';

/** An hour: a timer that does nothing, ms. */
const aliveMs = 3_600_000;

/** A replication from one start to its stop. */
export class Run {
  /** Resolves when every directory is watched; rejects with what ended the run before. */
  readonly live: Promise<void>;
  /** Settles when the daemon runs, or could not be started; never rejects. */
  readonly begun: Promise<void>;
  #phase: RunPhase = 'starting';
  #isOver = false;
  #daemon: Daemon | undefined;
  #stopped: Promise<void> | undefined;
  #goLive: () => void = () => {};
  #giveUp: (error: unknown) => void = () => {};
  /** While the source is lost nothing else keeps the process from ending. */
  readonly #alive = setInterval(() => {}, aliveMs);

  constructor(private readonly ports: RunPorts) {
    this.live = new Promise((resolve, reject) => {
      this.#goLive = resolve;
      this.#giveUp = reject;
    });
    // Whoever awaits it gets the error; that nobody does is no fault of the process.
    this.live.catch(() => {});
    this.begun = this.#begin();
  }

  get phase(): RunPhase {
    return this.#phase;
  }

  /** `undefined` until it is built. */
  get daemon(): Daemon | undefined {
    return this.#daemon;
  }

  /** @param reason what `live` rejects with when it is still pending */
  stop(reason: unknown): Promise<void> {
    this.#phase = 'stopping';
    this.#giveUp(reason);
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #begin(): Promise<void> {
    const { config, logger, observer } = this.ports;
    try {
      const read = await config();
      const daemon = await startDaemon(read, {
        logger,
        observer: {
          ...observer,
          live: (directories, entries) => {
            if (this.#phase === 'starting') this.#phase = 'running';
            this.#goLive();
            observer.live(directories, entries);
          },
        },
      });
      this.#daemon = daemon;
      void daemon.failed.then((error) => this.#fail(error));
    } catch (error) {
      this.#giveUp(error);
      this.#end();
    }
  }

  #fail(error: ReplicationError): void {
    if (this.#phase === 'stopping') return;
    const { logger, failed } = this.ports;
    logger.error({ code: error.code, hint: error.hint }, error.message);
    if (this.#phase === 'running') failed(error);
    this.stop(error).catch((fault: unknown) => logger.error({ err: fault }, 'stopping failed'));
  }

  async #stop(): Promise<void> {
    await this.begun;
    try {
      await this.#daemon?.stop();
    } finally {
      this.#end();
    }
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#alive);
    this.ports.ended();
  }
}
