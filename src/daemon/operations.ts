import type { Config } from '../config/config.js';
import type { Change } from '../core/change.js';
import { ConfigError, OperationError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { displayPath, type RelPath } from '../core/path.js';
import { unknownTarget } from './barrier.js';
import { exclusionOf, kindAt } from './filtered.js';
import type { OperatorFile, OperatorState } from './operator-file.js';
import type { Replica } from './replica.js';
import type { SettledOptions, SettledReport } from './settled.js';
import { type PathText, sourcePath } from './source-path.js';
import {
  type VerificationPorts,
  type VerifyOptions,
  type VerifyReport,
  verifyReplicas,
} from './verification.js';
import { goneAt, type WhyReport } from './why.js';

export interface OperationsPorts extends VerificationPorts {
  config(): Config;
  replicas(): readonly Replica[];
  isLive(): boolean;
  /** See `BarrierPorts.drain`. */
  drain(): Promise<ReadonlySet<RelPath>>;
  reload(config: Config): Promise<void>;
  /** See `DaemonOptions.load`. */
  readonly load: ((added: readonly unknown[]) => Promise<Config>) | undefined;
  /** See `FullSync.request`. */
  requestFullSync(names: readonly string[]): string[];
  readonly kept: OperatorFile;
  readonly logger: Logger;
}

/** Longest time that the events of the kernel are read for before a question is answered, ms. */
const drainMs = 2_000;

/** What operators do to a running replication. All reject with an {@link OperationError} when it can't be done. */
export class Operations {
  #state: OperatorState;

  constructor(private readonly ports: OperationsPorts) {
    this.#state = this.#read();
  }

  /** Lets decisions count for the targets that there are now. */
  apply(): void {
    for (const replica of this.ports.replicas())
      if (this.#state.paused.includes(replica.name) !== replica.replicator.isPaused)
        replica.setPaused(this.#state.paused.includes(replica.name));
  }

  /** Nothing more is sent to the target; what changes is kept for it. Outlives a restart. */
  pause(target: string): void {
    this.#named(target);
    this.#keep({ paused: [...this.#state.paused.filter((name) => name !== target), target] });
    this.ports.logger.info({ target }, 'paused by an operator');
  }

  /** The target gets what waited for it. */
  resume(target: string): void {
    this.#named(target);
    this.#keep({ paused: this.#state.paused.filter((name) => name !== target) });
    this.ports.logger.info({ target }, 'resumed by an operator');
  }

  /**
   * Sends what is at the source now to the target, and then pauses it. Resolves when it is paused, or when the time is over;
   * then it goes on as before.
   */
  async drain(
    target: string,
    options: Pick<SettledOptions, 'timeoutMs' | 'signal'> = {},
  ): Promise<SettledReport> {
    const replica = this.#named(target);
    const wasPaused = replica.replicator.isPaused;
    replica.setPaused(false);
    let isDrained = false;
    try {
      const report = await this.ports.settled({ ...options, targets: [target] });
      isDrained = report.settled;
      if (isDrained) this.pause(target);
      return report;
    } finally {
      if (!isDrained && wasPaused) replica.setPaused(true);
    }
  }

  /** Sends paths again, directories with all beneath, to all targets or one. @returns the number of paths */
  push(paths: readonly PathText[], target?: string): number {
    const changes = paths.map((text): Change => {
      const path = this.#path(text);
      const excluded = exclusionOf(this.ports.config().source, this.ports.config().rules, path);
      if (excluded !== undefined)
        throw new OperationError(
          'NOT_POSSIBLE',
          `${displayPath(path)} never gets to the targets: ${JSON.stringify(excluded.pattern)} excludes it`,
          `see ${excluded.pointer} of the configuration`,
        );
      // A subtree is compared by content, or sent without a look at what is there; so is a file that goes as one.
      return { kind: 'tree', path };
    });
    for (const replica of this.#chosen(target)) replica.replicator.markChanged(changes);
    this.ports.logger.info({ paths: changes.length, target }, 'an operator pushes paths');
    return changes.length;
  }

  /** Compares everything without trusting what is known, one target after the other. @returns whose turn comes */
  fullSync(target?: string): string[] {
    this.#assertLive();
    return this.ports.requestFullSync(this.#chosen(target).map(({ name }) => name));
  }

  /** Where a path stands with each target, and why it is not there. */
  async why(text: PathText): Promise<WhyReport> {
    const { source, rules } = this.ports.config();
    const path = this.#path(text);
    const writing = await this.#writing();
    const excluded = exclusionOf(source, rules, path);
    const found = kindAt(source, path);
    const gone = goneAt(path, (each) => kindAt(source, each) !== undefined);
    return {
      path: displayPath(path),
      source: found ?? 'missing',
      ...(excluded === undefined
        ? {}
        : {
            excluded: {
              path: displayPath(excluded.path),
              pattern: excluded.pattern,
              pointer: excluded.pointer,
            },
          }),
      beingWritten: writing.has(path),
      live: this.ports.isLive(),
      targets:
        excluded === undefined ? this.ports.replicas().map((replica) => replica.where(path, gone)) : [],
    };
  }

  /** Compares targets with the source and tells what differs; see {@link verifyReplicas}. */
  async verify({
    target,
    ...options
  }: VerifyOptions & { readonly target?: string | undefined } = {}): Promise<VerifyReport> {
    this.#assertLive();
    return verifyReplicas(this.#chosen(target), this.ports, options);
  }

  /**
   * Adds a target, as it would stand in `targets` of sync.json; only its name, place, password file and bandwidth limit
   * can be said here. It is kept over restarts. @returns its name
   */
  async addTarget(target: unknown): Promise<string> {
    assertPlain(target);
    const before = new Set(this.#names());
    const added = [...this.#state.added, target];
    const config = await this.#load(added);
    await this.ports.reload(config);
    this.#keep({ added });
    const name = config.targets.find((each) => !before.has(each.name))?.name ?? '';
    this.ports.logger.info({ target: name }, 'a target was added by an operator');
    return name;
  }

  /** Takes out a target that was added in this way. @returns its name */
  async removeTarget(name: string): Promise<string> {
    this.#named(name);
    for (const target of this.#state.added) {
      const added = this.#state.added.filter((each) => each !== target);
      const config = await this.#load(added);
      if (config.targets.some((each) => each.name === name)) continue;
      await this.ports.reload(config);
      this.#keep({ added, paused: this.#state.paused.filter((each) => each !== name) });
      this.ports.logger.info({ target: name }, 'a target was taken out by an operator');
      return name;
    }
    throw new OperationError(
      'NOT_POSSIBLE',
      `the target ${name} stands in the configuration`,
      'take it out there and send SIGHUP; `imgsync-fast pause` stops it at once',
    );
  }

  async #load(added: readonly unknown[]): Promise<Config> {
    if (this.ports.load === undefined)
      throw new OperationError('NOT_POSSIBLE', 'there is no configuration file', 'reload it by the program');
    try {
      return await this.ports.load(added);
    } catch (cause) {
      if (!(cause instanceof ConfigError)) throw cause;
      const text = cause.faults.map(({ message }) => message).join('; ');
      throw new OperationError('BAD_REQUEST', text, 'nothing was changed', { cause });
    }
  }

  #names(): string[] {
    return this.ports.replicas().map(({ name }) => name);
  }

  /** What is being written now. Waits only for a moment: a question is answered under any load. */
  async #writing(): Promise<ReadonlySet<RelPath>> {
    if (!this.ports.isLive()) return new Set();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<ReadonlySet<RelPath>>((resolve) => {
      timer = setTimeout(() => resolve(new Set()), drainMs);
    });
    try {
      return await Promise.race([this.ports.drain().catch(() => new Set<RelPath>()), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #path(text: PathText): RelPath {
    return sourcePath(this.ports.config().source, text);
  }

  #assertLive(): void {
    if (this.ports.isLive()) return;
    throw new OperationError(
      'NOT_POSSIBLE',
      'the source is not watched at the moment',
      'wait until it is: `imgsync-fast status`',
    );
  }

  #named(name: string): Replica {
    const all = this.ports.replicas();
    const found = all.find((replica) => replica.name === name);
    if (found !== undefined) return found;
    throw unknownTarget(
      name,
      all.map((replica) => replica.name),
    );
  }

  #chosen(target: string | undefined): readonly Replica[] {
    return target === undefined ? this.ports.replicas() : [this.#named(target)];
  }

  #read(): OperatorState {
    try {
      return this.ports.kept.read();
    } catch (error) {
      this.ports.logger.error({ err: error }, 'what operators decided can not be read: no target is paused');
      return { paused: [], added: [] };
    }
  }

  #keep(change: Partial<OperatorState>): void {
    this.#state = { ...this.#state, ...change };
    this.apply();
    try {
      this.ports.kept.write(this.#state);
    } catch (cause) {
      throw new OperationError(
        'NOT_POSSIBLE',
        'done, but it can not be kept for the next start: the state directory can not be written',
        'see its free space and permissions',
        { cause },
      );
    }
  }
}

/** Keys that say where a target is, and nothing that starts a program of the caller's choice. */
const plainKeys: readonly string[] = ['name', 'url', 'passwordFile', 'bandwidthLimit'];

const assertPlain = (target: unknown): void => {
  const keys = typeof target === 'object' && target !== null ? Object.keys(target) : [];
  const other = keys.filter((key) => !plainKeys.includes(key));
  if (other.length === 0 && (typeof target === 'string' || keys.includes('url'))) return;
  throw new OperationError(
    'BAD_REQUEST',
    other.length === 0
      ? 'a target is a URL, or an object with one'
      : `not possible here: ${other.join(', ')}`,
    `only ${plainKeys.join(', ')}; put others into the configuration and send SIGHUP`,
  );
};
