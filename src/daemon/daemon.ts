import { createHash } from 'node:crypto';
import { ChangeLog } from '../changes/change-log.js';
import type { Config } from '../config/config.js';
import { type Change, type ChangeKind, unpackChanges } from '../core/change.js';
import { systemClock } from '../core/clock.js';
import type { ReplicationError, WatchError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { type RelPath, ROOT } from '../core/path.js';
import { Hooks } from '../hooks/hooks.js';
import type { ReplicaFailure } from '../replicate/machine.js';
import { Scheduler } from '../replicate/scheduler.js';
import { Checkpointer } from '../store/checkpointer.js';
import { DigestStore } from '../store/digest-store.js';
import type { SourceIdentity } from '../transfer/messages.js';
import { endOrphans } from '../transfer/orphans.js';
import { createTransferPool, type TransferPool } from '../transfer/pool.js';
import type { ScannedDirectory } from '../watch/scan.js';
import { inotifyLimit } from '../watch/watch-limit.js';
import { Activity, type DaemonListener } from './activity.js';
import { Barriers } from './barrier.js';
import { FailLog } from './fail-log.js';
import { exclusionOf, kindAt } from './filtered.js';
import { FullSync } from './full-sync.js';
import { hookLog } from './hook-log.js';
import type { DaemonMetrics } from './metrics.js';
import type { DaemonObserver } from './observer.js';
import { Operations } from './operations.js';
import { OperatorFile } from './operator-file.js';
import { localCrowd } from './processor-load.js';
import { planReload } from './reload.js';
import { Replica, type ReplicaSurroundings } from './replica.js';
import type { SettledOptions, SettledReport } from './settled.js';
import { readIdentity, SourceScanner } from './source.js';
import { type PathText, sourcePath } from './source-path.js';
import { SourceWatch } from './source-watch.js';
import type { Daemon, DaemonStatus, HeldDeletesStatus, StuckPathsStatus } from './status.js';
import { TreeSize } from './tree-size.js';

export interface DaemonOptions {
  readonly logger: Logger;
  /** Reads the configuration again, with further targets. Without it none can be added while it runs. */
  readonly load?: (added: readonly unknown[]) => Promise<Config>;
  readonly observer?: DaemonObserver | undefined;
}

/** Big files that are sent at the same time, over all targets; they run beside the other transfers. */
const maxBigTransfers = 4;
/** An overflow is told when there was none for this long, ms. */
const quietMs = 10_000;
/** Tasks of one thread; the schedulers limit them before. */
const maxTasks = 4_096;
/** Paths that are named in one answer, for each target, unless fewer are wanted. */
const maxNamed = 10_000;
/** Pause between two rounds in which is stored what the targets acknowledged, ms. */
const checkpointMs = 3_000;

/**
 * Starts the replication of one tree. Resolves as soon as everything is built; watching the tree and the first sync
 * go on afterwards and show in `status()`.
 * Rejects with a `ReplicationError` when it can't start.
 */
export const startDaemon = async (
  config: Config,
  { logger, load, observer }: DaemonOptions,
): Promise<Daemon> => {
  const identity = await readIdentity(config.source);
  const store = await openStore(config.stateDir, logger);
  // The state directory is locked now: whoever else bears this mark was left behind.
  const runId = createHash('sha256').update(config.stateDir).digest('hex').slice(0, 16);
  const ended = await endOrphans(runId);
  if (ended > 0) logger.warn({ processes: ended }, 'ended the rsyncs of an earlier run that was killed');
  const daemon = new ReplicationDaemon(config, { identity, store, runId, logger, load, observer });
  daemon.start();
  return daemon;
};

const openStore = (stateDir: string, logger: Logger): Promise<DigestStore> =>
  DigestStore.open(stateDir, {
    setAside: (file, reason) =>
      logger.warn(
        { file, reason },
        'the store of what was acknowledged was set aside; everything is compared once',
      ),
    distrusted: () =>
      logger.warn('the machine went down while this ran: everything is compared with the targets once'),
    lost: (error) =>
      logger.error(
        { error: error instanceof Error ? error.message : String(error) },
        'the state directory can not be written: the next start compares everything',
      ),
  });

interface Foundation {
  readonly identity: SourceIdentity;
  readonly store: DigestStore;
  readonly runId: string;
  readonly logger: Logger;
  readonly load: DaemonOptions['load'] | undefined;
  readonly observer: DaemonObserver | undefined;
}

/** Composition root: the only place that builds the graph of one replication, and its start and stop order. */
class ReplicationDaemon implements Daemon {
  readonly failed: Promise<ReplicationError>;
  #fail: (error: ReplicationError) => void = () => {};
  readonly live: Promise<void>;
  #tellLive: () => void = () => {};
  /** Whether the source was away at any time: then changes may have been missed. */
  #wasLost = false;
  /** Until then an overflow is no news; ms since the epoch. */
  #quietUntil = 0;
  readonly #size: TreeSize;
  readonly #logger: Logger;
  readonly #store: DigestStore;
  readonly #checkpointer: Checkpointer;
  readonly #watch: SourceWatch;
  readonly #log: ChangeLog;
  readonly #pool: TransferPool;
  readonly #hooks: Hooks;
  readonly #fullSync: FullSync;
  readonly #barriers: Barriers;
  readonly #surroundings: ReplicaSurroundings;
  readonly #activity = new Activity();
  readonly #startedAt = new Date().toISOString();
  readonly #changes: Record<ChangeKind, number> = { attributes: 0, entry: 0, directory: 0, tree: 0 };
  #overflows = 0;
  #replicas: readonly Replica[];
  /** Taken out of the configuration; their last transfers run. */
  readonly #leaving = new Set<Replica>();
  #reloading: Promise<void> = Promise.resolve();
  #isStopping = false;
  /** Why nothing is sent at the moment. */
  #suspended: ReplicaFailure | undefined;

  constructor(
    private config: Config,
    { identity, store, runId, logger, load, observer }: Foundation,
  ) {
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
    this.live = new Promise((resolve) => {
      this.#tellLive = resolve;
    });
    this.#logger = logger;
    this.#store = store;
    this.#log = new ChangeLog(config.changeLogLimitBytes);
    this.#pool = createTransferPool({
      targets: config.targets.length,
      concurrency: maxTasks,
      runId,
      socketDirectory: config.stateDir,
      connectionEnded: (target, error) => logger.info({ target, error }, 'the shared ssh connection ended'),
    });
    this.#hooks = new Hooks(
      config.hooks,
      config.targets.map(({ name }) => name),
      {
        source: config.source,
        runId: `${runId}-${Date.now().toString(36)}`,
        clock: systemClock,
        random: Math.random,
        observer: hookLog(logger),
      },
    );
    this.#watch = new SourceWatch(config, identity, {
      changes: (packed) => this.#receive(packed),
      live: (directories, entries, scan) => this.#goLive(directories, entries, scan),
      comparesAll: () => this.#replicas.some((replica) => this.#needsSync(replica)),
      overflow: () => this.#compareAll(),
      lost: (error) => this.#suspend(error),
      failed: (error) => this.#fail(error),
      // An empty directory was, as it seems, the place where the source is still to be mounted.
      accepts: () => this.#replicas.every(({ refusedEmpty }) => refusedEmpty),
    });
    const scanner = new SourceScanner(config);
    this.#size = new TreeSize(() => scanner.count(), {
      windowMs: () => this.config.delete.windowMs,
      now: systemClock.now,
      failed: (error) => logger.debug({ err: error }, 'the entries of the source could not be counted'),
    });
    this.#checkpointer = new Checkpointer(
      {
        digest: (directories, trees) => scanner.digest(directories, trees),
        existing: (directories) => scanner.existing(directories),
        drain: () => this.#drain(),
      },
      {
        clock: systemClock,
        intervalMs: checkpointMs,
        failed: (error) => logger.debug({ err: error }, 'a checkpoint could not be finished'),
      },
    );
    this.#barriers = new Barriers({
      log: this.#log,
      replicas: () => this.#replicas,
      isLive: () => this.#watch.isLive,
      drain: async () => new Set(await this.#drain()),
      pathOf: (text) => sourcePath(this.config.source, text),
      exclusionOf: (path) => exclusionOf(this.config.source, this.config.rules, path),
      exists: (path) => kindAt(this.config.source, path) !== undefined,
    });
    this.#surroundings = {
      config,
      log: this.#log,
      pool: this.#pool,
      scheduler: new Scheduler(config.maxRsyncs, localCrowd()),
      bigFileScheduler: new Scheduler(maxBigTransfers),
      scanner,
      size: this.#size,
      store,
      checkpointer: this.#checkpointer,
      failLog: config.failLog === undefined ? undefined : new FailLog(config.failLog),
      hooks: this.#hooks,
      activity: this.#activity,
      logger,
      observer,
      identity: () => this.#watch.identity,
      isLive: () => this.#watch.isLive,
      hasConfirmed: () => this.#replicas.some(({ hasConfirmed }) => hasConfirmed),
      progressed: () => this.#barriers.check(),
    };
    this.#replicas = config.targets.map((target) => new Replica(target, this.#surroundings));
    this.#fullSync = new FullSync(() => (this.#watch.isLive ? this.#replicas : []), logger);
    this.operations = new Operations({
      config: () => this.config,
      replicas: () => this.#replicas,
      isLive: () => this.#watch.isLive,
      drain: async () => new Set(await this.#drain()),
      directories: () => scanner.scan(),
      countEntries: () => scanner.count(),
      settled: (options) => this.settled(options),
      reload: (next) => this.reload(next),
      load,
      requestFullSync: (names) => this.#fullSync.request(names),
      kept: new OperatorFile(config.stateDir),
      logger,
    });
    this.operations.apply();
  }

  start(): void {
    const { source, rules, targets } = this.config;
    this.#logger.info({ source, targets: targets.map(({ name }) => name), rules: rules.length }, 'starting');
    if (targets.length === 0) this.#logger.info('there are no targets: the hooks are told of every change');
    else if (!this.config.delete.enabled)
      this.#logger.info('deletes are switched off: nothing is removed from the targets');
    this.#watch.start();
    this.#checkpointer.start();
    this.#fullSync.configure(this.config.fullSync);
  }

  status(): DaemonStatus {
    const now = Date.now();
    const { nextAt, running } = this.#fullSync;
    return {
      source: this.config.source,
      startedAt: this.#startedAt,
      directories: this.#watch.directories,
      live: this.#watch.isLive,
      targets: this.#replicas.map((replica) => replica.status(now)),
      ...(nextAt === undefined
        ? {}
        : { fullSync: { nextAt, ...(running === undefined ? {} : { running }) } }),
      ...(this.#hooks.isEmpty ? {} : { hooks: this.#hooks.status }),
    };
  }

  metrics(): DaemonMetrics {
    return {
      status: this.status(),
      changes: { ...this.#changes },
      overflows: this.#overflows,
      watchLimit: inotifyLimit('watches').limit,
      changeLogBytes: this.#log.bytes,
      targets: this.#replicas.map((replica) => replica.metrics()),
    };
  }

  subscribe(listener: DaemonListener): () => void {
    return this.#activity.subscribe(listener);
  }

  stuckPaths(target?: string, most = maxNamed): StuckPathsStatus[] {
    return this.#named(target).map((replica) => replica.stuckPaths(most));
  }

  ping(): number | undefined {
    return this.#watch.ping();
  }

  heldDeletes(target?: string, most = maxNamed): HeldDeletesStatus[] {
    return this.#named(target).map((replica) => replica.heldDeletes(most));
  }

  approveDeletes(target?: string): Record<string, number> {
    return this.#decide(target, 'approve', (replica) => replica.approveDeletes());
  }

  rejectDeletes(target?: string): Record<string, number> {
    return this.#decide(target, 'reject', (replica) => replica.rejectDeletes());
  }

  readonly operations: Operations;

  settled(options: SettledOptions = {}): Promise<SettledReport> {
    return this.#barriers.settled(options);
  }

  markChanged(paths: readonly PathText[]): void {
    const { source } = this.config;
    this.#append(
      paths.map((text) => {
        const path = sourcePath(source, text);
        return { kind: kindAt(source, path) === 'directory' ? 'tree' : 'entry', path };
      }),
    );
  }

  reload(config: Config): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#apply(config));
    return this.#reloading;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#barriers.stop();
    this.#fullSync.stop();
    this.#logger.info('stopping: finishing the running transfers');
    const cancelCut = systemClock.after(this.config.stopTimeoutSeconds * 1000, () => {
      this.#logger.warn('stopTimeoutSeconds is over: cutting the running transfers');
      this.cut();
    });
    await Promise.all(this.#replicas.map(({ replicator }) => replicator.stop()));
    await this.#reloading;
    await this.#hooks.end();
    cancelCut();
    // While the source is still watched: what changes until here is known not to be acknowledged.
    await this.#checkpointer.stop();
    await this.#watch.close();
    for (const replica of this.#replicas) replica.close();
    await this.#pool.close();
    await this.#store.close();
    this.#logger.info('stopped');
  }

  cut(): void {
    for (const { replicator } of [...this.#replicas, ...this.#leaving]) replicator.cut();
    this.#hooks.cut();
  }

  /** See `NativeWatcher.drain`. Rejects when the source is not watched. */
  async #drain(): Promise<RelPath[]> {
    const settling = await this.#watch.drain();
    if (settling === undefined) throw new Error('the source is not watched');
    return Array.from(unpackChanges(settling), ({ path }) => path);
  }

  #named(target: string | undefined): readonly Replica[] {
    return this.#replicas.filter(({ replicator }) => target === undefined || replicator.name === target);
  }

  #decide(
    target: string | undefined,
    decision: string,
    decide: (replica: Replica) => number,
  ): Record<string, number> {
    const paths = Object.fromEntries(
      this.#named(target).map((replica) => [replica.replicator.name, decide(replica)]),
    );
    this.#logger.info({ paths, decision }, 'an operator decided on the deletes');
    return paths;
  }

  async #apply(next: Config): Promise<void> {
    if (this.#isStopping) return;
    const { config, needsRestart, removed, added } = planReload(this.config, next);
    this.config = config;
    if (needsRestart.length > 0)
      this.#logger.warn(
        { keys: needsRestart },
        'these keys changed but need a restart: they stay as they were',
      );
    this.#surroundings.config = config;
    this.#fullSync.configure(config.fullSync);
    this.#surroundings.scheduler.setLimit(config.maxRsyncs);
    const staying = this.#replicas.filter(({ replicator }) => !removed.includes(replicator.name));
    for (const replica of staying) replica.configure(config);
    const leaving = this.#replicas.filter((replica) => !staying.includes(replica));
    this.#replicas = staying;
    await this.#remove(leaving);
    if (this.#isStopping) return;
    const known = new Map(staying.map((replica) => [replica.replicator.name, replica]));
    for (const target of added) known.set(target.name, new Replica(target, this.#surroundings));
    this.#replicas = config.targets.flatMap(({ name }) => known.get(name) ?? []);
    this.operations.apply();
    const hooks = this.#hooks.setHooks(config.hooks);
    this.#hooks.setTargets(config.targets.map(({ name }) => name));
    for (const { name } of added) {
      const replica = known.get(name);
      if (replica !== undefined) this.#begin(replica, removed.includes(name));
    }
    this.#logger.info(
      {
        added: added.flatMap(({ name }) => (removed.includes(name) ? [] : name)),
        changed: added.flatMap(({ name }) => (removed.includes(name) ? name : [])),
        removed: removed.filter((name) => !known.has(name)),
        ...(Object.values(hooks).some(({ length }) => length > 0) ? { hooks } : {}),
      },
      'the configuration was read again',
    );
    this.#activity.tell(() => ({ type: 'reloaded' }));
  }

  /** Lets the running transfers end, for a limited time. */
  async #remove(replicas: readonly Replica[]): Promise<void> {
    if (replicas.length === 0) return;
    for (const replica of replicas) this.#leaving.add(replica);
    const cancelCut = systemClock.after(this.config.stopTimeoutSeconds * 1000, () => {
      for (const { replicator } of replicas) replicator.cut();
    });
    await Promise.all(replicas.map((replica) => replica.remove()));
    cancelCut();
    for (const replica of replicas) this.#leaving.delete(replica);
    await this.#pool.retireStandbys();
    await Promise.all(replicas.map(({ name }) => this.#pool.disconnect(name)));
  }

  /** Brings in a target while the others run. */
  #begin(replica: Replica, isChanged: boolean): void {
    const { replicator, deletes } = replica;
    if (this.#suspended !== undefined) replicator.suspend(this.#suspended);
    if (!this.#watch.isLive) return;
    if (isChanged) replica.compare('the target was changed');
    else if (this.config.initialSync || deletes.isHolding) replica.compare('the target was added');
    else deletes.skipFirstSync();
  }

  #receive(packed: Buffer): void {
    const changes = [...unpackChanges(packed)];
    for (const { kind } of changes) this.#changes[kind]++;
    this.#append(changes);
    this.#barriers.changed(changes);
  }

  #append(changes: readonly Change[]): void {
    for (const { kind, path } of changes) this.#log.append(kind, path);
    this.#hooks.changed(changes, this.#log.head);
    for (const { replicator } of this.#replicas) replicator.wake();
  }

  #goLive(directories: number, entries: number, scan: ScannedDirectory[] | undefined): void {
    this.#logger.info({ directories, entries }, 'watching');
    this.#activity.tell(() => ({ type: 'watching', directories }));
    this.#tellLive();
    this.#size.note(entries);
    this.#suspended = undefined;
    this.#surroundings.observer?.live(directories, entries);
    this.#surroundings.scanner.giving(scan, () => {
      for (const replica of this.#replicas) {
        const { replicator, deletes } = replica;
        replicator.resume();
        if (this.#needsSync(replica)) replica.compare(this.#wasLost ? 'the source is back' : 'start');
        else deletes.skipFirstSync();
      }
    });
  }

  #needsSync({ deletes }: Replica): boolean {
    // What was held when it ended is known only after a comparison.
    return this.config.initialSync || this.#wasLost || deletes.isHolding;
  }

  /** Events were lost. Before the source is live nobody counts on them, and a comparison follows anyway. */
  #compareAll(): void {
    const now = systemClock.now();
    this.#overflows++;
    // A flood overflows many times a second, and then once is enough for the people.
    if (now >= this.#quietUntil) {
      this.#logger.warn(
        "the kernel's queue of events ran over: comparing the tree with what was acknowledged",
      );
      this.#activity.tell(() => ({ type: 'events-lost' }));
    }
    this.#quietUntil = now + quietMs;
    this.#surroundings.observer?.overflow();
    if (!this.#watch.isLive) return;
    // With targets the comparison finds what they told.
    if (this.#replicas.length === 0) this.#hooks.changed([{ kind: 'tree', path: ROOT }], this.#log.head);
    for (const replica of this.#replicas) replica.compare('events were lost');
  }

  #suspend({ code, message, hint }: WatchError): void {
    this.#wasLost = true;
    this.#logger.error({ code, hint }, `${message}; all targets wait`);
    this.#activity.tell(() => ({ type: 'source-lost', code, reason: message, hint }));
    this.#suspended = { code, text: message, hint };
    for (const { replicator } of this.#replicas) replicator.suspend(this.#suspended);
    void this.#pool.retireStandbys();
  }
}
