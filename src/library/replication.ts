import type { ConfigInput } from '../config/schema.js';
import { OperationError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { displayPath, relPathToBytes } from '../core/path.js';
import { unknownTarget } from '../daemon/barrier.js';
import type { DaemonObserver, TargetObserver } from '../daemon/observer.js';
import type { SettledOptions, SettledReport } from '../daemon/settled.js';
import type { PathText } from '../daemon/source-path.js';
import type { Daemon, DaemonStatus, HeldDeletesStatus } from '../daemon/status.js';
import { channelOf } from './channels.js';
import { ConfigSource } from './config-source.js';
import { Emitter, type Listener } from './emitter.js';
import { DeliveredEvent, type ReplicationEvents } from './events.js';
import { NotSettledError } from './not-settled.js';
import { Run } from './run.js';
import { type ReplicationLogger, safeLogger } from './safe-logger.js';

/** What belongs to this process and not into a configuration. */
export interface ReplicationOptions {
  /** Default: nothing is written. `log` of the configuration is for the command line. */
  readonly logger?: ReplicationLogger | undefined;
  /** Stops it, as `stop()` does. */
  readonly signal?: AbortSignal | undefined;
}

/** A target as a configuration has it: a URL, an absolute path, or an object with options. */
export type TargetInput = ConfigInput['targets'][number];

/** Snapshot of a replication. Plain data. */
export interface ReplicationStatus extends Omit<DaemonStatus, 'source' | 'startedAt'> {
  /** `stopped` before the start, too; `running` once every directory was watched. Whether it is at the moment: `live`. */
  readonly phase: 'stopped' | 'starting' | 'running' | 'stopping';
  /** Absolute path of the source root; `undefined` while it is stopped. */
  readonly source: string | undefined;
  /** RFC 3339; absent while it is stopped. */
  readonly startedAt?: string;
}

/** Replication of one tree, as `imgsync-fast --config` does it, inside this process. It may be started again after a stop. */
export interface Replication extends AsyncDisposable {
  /**
   * Resolves when every directory is watched: from then on no change is missed. The first sync goes on. Rejects with a
   * `ConfigError` (`CONFIG_INVALID`, every fault with pointer and remedy), `WatchError` or `StoreError` when it can't
   * begin, with an `OperationError` `STOPPING` when it is stopped meanwhile, with the reason of the signal.
   */
  start(): Promise<void>;
  /** Ends the running transfers within `stopTimeoutSeconds`, and frees all. Does nothing when it is stopped. */
  stop(): Promise<void>;
  /**
   * Waits until what is at the source now is at the targets, held deletes and stuck paths included. Rejects with a
   * {@link NotSettledError} (`NOT_SETTLED`, with the report) when `timeoutMs` is over or an exclude keeps one of the
   * paths from the targets; with an `OperationError`: `UNKNOWN_TARGET`, `OUTSIDE_SOURCE`, `BAD_REQUEST`, `STOPPING`,
   * `NOT_POSSIBLE` while it is stopped; with the reason of the signal.
   */
  settled(options?: SettledOptions): Promise<SettledReport>;
  /** Cheap enough to be asked for several times a second. */
  status(): ReplicationStatus;
  /**
   * Sends these again to every target: files, or directories with all beneath, relative to the source or absolute. For
   * what changes without an event. Rejects with an `OperationError`: `OUTSIDE_SOURCE`, `NOT_POSSIBLE`.
   */
  markChanged(paths: readonly PathText[]): Promise<void>;
  /**
   * Adds a target; the others are not disturbed. Resolves when it belongs to the replication; its first sync goes on.
   * Rejects with a `ConfigError`, or a `WatchError` `SOURCE_MISSING` while the source is away.
   * @returns its name
   */
  addTarget(target: TargetInput): Promise<string>;
  /** Resolves when its last transfer has ended. Rejects with an `OperationError` `UNKNOWN_TARGET`, or a `ConfigError`: one must stay. */
  removeTarget(name: string): Promise<void>;
  /** What the guards of deletes hold, all targets or one; nothing while it is stopped. */
  heldDeletes(target?: string): HeldDeletesStatus[];
  /** Lets held deletes go. @returns paths by target */
  approveDeletes(target?: string): Record<string, number>;
  /** Keeps at the targets what is held. @returns paths by target */
  rejectDeletes(target?: string): Record<string, number>;
  /**
   * Calls back for each event, soon after it. What a listener throws is logged, or a warning of the process without a
   * logger; it harms nothing.
   */
  on<Name extends keyof ReplicationEvents>(
    name: Name,
    listener: (event: ReplicationEvents[Name]) => unknown,
  ): this;
  /** Calls that listener no more; one that was not added is no error. */
  off<Name extends keyof ReplicationEvents>(
    name: Name,
    listener: (event: ReplicationEvents[Name]) => unknown,
  ): this;
}

/**
 * A replication that is not started yet.
 * @param config What sync.json holds, or the path of such a file. It is checked by `start()`.
 */
export const createReplication = (
  config: ConfigInput | string,
  { logger, signal }: ReplicationOptions = {},
): Replication =>
  new EmbeddedReplication(new ConfigSource(config), safeLogger(logger), logger !== undefined, signal);

class EmbeddedReplication implements Replication {
  #run: Run | undefined;
  #source: string | undefined;
  /** Targets are changed one after the other. */
  #changing: Promise<unknown> = Promise.resolve();
  readonly #events: Emitter<ReplicationEvents>;
  readonly #observer: DaemonObserver;

  constructor(
    private readonly config: ConfigSource,
    private readonly logger: Logger,
    isLogged: boolean,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.#events = new Emitter((error, name) => {
      if (isLogged) logger.error({ err: error, event: name }, 'a listener failed; the replication goes on');
      else process.emitWarning(error instanceof Error ? error : String(error));
    });
    this.#observer = {
      live: (directories, entries) => this.#tell('live', () => ({ directories, entries })),
      overflow: () => this.#tell('overflow', () => ({ source: this.#source ?? '' })),
      target: (name) => this.#observe(name),
    };
  }

  start(): Promise<void> {
    if (this.signal?.aborted === true) return Promise.reject(this.signal.reason);
    if (this.#run?.phase === 'stopping') return this.stop().then(() => this.start());
    this.#run ??= this.#begin();
    return this.#run.live;
  }

  async stop(): Promise<void> {
    await this.#run?.stop(
      new OperationError('STOPPING', 'the replication was stopped before it ran', 'start it again'),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async settled(options: SettledOptions = {}): Promise<SettledReport> {
    options.signal?.throwIfAborted();
    assertTime(options.timeoutMs);
    const report = await (await this.#running()).settled(options);
    if (report.settled) return report;
    throw new NotSettledError(report);
  }

  status(): ReplicationStatus {
    const phase = this.#run?.phase ?? 'stopped';
    const status = this.#run?.daemon?.status();
    return { phase, source: undefined, directories: 0, live: false, targets: [], ...status };
  }

  async markChanged(paths: readonly PathText[]): Promise<void> {
    (await this.#running()).markChanged(paths);
  }

  addTarget(target: TargetInput): Promise<string> {
    return this.#changeTargets(async () => {
      const { config, keep } = await this.config.withTargets((targets) => [...targets, target]);
      await this.#running().then(
        (daemon) => daemon.reload(config),
        () => {},
      );
      keep();
      return config.targets.at(-1)?.name ?? '';
    });
  }

  removeTarget(name: string): Promise<void> {
    return this.#changeTargets(async () => {
      const { config, keep } = await this.config.withTargets((targets, { targets: known }) => {
        const names = known.map((target) => target.name);
        const index = names.indexOf(name);
        if (index < 0) throw unknownTarget(name, names);
        return targets.filter((_target, at) => at !== index);
      });
      await this.#running().then(
        (daemon) => daemon.reload(config),
        () => {},
      );
      keep();
    });
  }

  heldDeletes(target?: string): HeldDeletesStatus[] {
    return this.#run?.daemon?.heldDeletes(target) ?? [];
  }

  approveDeletes(target?: string): Record<string, number> {
    return this.#run?.daemon?.approveDeletes(target) ?? {};
  }

  rejectDeletes(target?: string): Record<string, number> {
    return this.#run?.daemon?.rejectDeletes(target) ?? {};
  }

  on<Name extends keyof ReplicationEvents>(name: Name, listener: Listener<ReplicationEvents[Name]>): this {
    this.#events.add(name, listener);
    return this;
  }

  off<Name extends keyof ReplicationEvents>(name: Name, listener: Listener<ReplicationEvents[Name]>): this {
    this.#events.remove(name, listener);
    return this;
  }

  #begin(): Run {
    const aborted = (): void => {
      this.#run?.stop(this.signal?.reason).catch((error: unknown) => {
        this.logger.error({ err: error }, 'stopping failed');
      });
    };
    this.signal?.addEventListener('abort', aborted, { once: true });
    return new Run({
      config: async () => {
        const config = await this.config.read();
        this.#source = config.source;
        return config;
      },
      logger: this.logger,
      observer: this.#observer,
      failed: (error) => this.#tell('failed', () => error),
      ended: () => {
        this.signal?.removeEventListener('abort', aborted);
        this.#run = undefined;
      },
    });
  }

  /** The daemon, when it is or is about to be there. */
  async #running(): Promise<Daemon> {
    const run = this.#run;
    await run?.begun;
    if (run?.daemon !== undefined) return run.daemon;
    throw new OperationError('NOT_POSSIBLE', 'the replication does not run', 'call start() first');
  }

  #changeTargets<Result>(change: () => Promise<Result>): Promise<Result> {
    const changed = this.#changing.then(change);
    this.#changing = changed.catch(() => {});
    return changed;
  }

  #observe(target: string): TargetObserver {
    return {
      stateChanged: (state, before) => {
        if (state.name !== before.name)
          this.#tell('state', () => ({ target, state: state.name, before: before.name }));
        if (state.name === 'backing-off' || state.name === 'halted') {
          const { attempt, failure } = state;
          this.#tell(state.name === 'halted' ? 'halted' : 'retry', () => ({ target, attempt, ...failure }));
        }
      },
      delivered: (changes, stats) =>
        this.#tell(
          'delivered',
          () =>
            new DeliveredEvent(
              target,
              changes.map(({ path }) => path),
              stats,
            ),
        ),
      stuck: ({ kind, path, code, text, attempts }) =>
        this.#tell('stuck', () => ({
          target,
          kind,
          path: displayPath(path),
          pathBytes: relPathToBytes(path),
          code,
          text,
          attempts,
        })),
    };
  }

  /** The replication is in the middle of its work: whoever listens is called after it, and may then call it. */
  #tell<Name extends keyof ReplicationEvents>(name: Name, make: () => ReplicationEvents[Name]): void {
    const channel = channelOf(name);
    if (!channel.hasSubscribers && !this.#events.has(name)) return;
    const event = make();
    const source = this.#source ?? '';
    queueMicrotask(() => {
      this.#events.emit(name, event);
      if (channel.hasSubscribers) channel.publish({ source, event });
    });
  }
}

/** What a timer takes at most. */
const maxTimeMs = 2 ** 31 - 1;

const assertTime = (timeoutMs: number | undefined): void => {
  if (timeoutMs === undefined || (timeoutMs >= 0 && timeoutMs <= maxTimeMs)) return;
  throw new OperationError(
    'BAD_REQUEST',
    `a timeout of ${timeoutMs} ms`,
    `0 to ${maxTimeMs} ms; none: no limit`,
  );
};
