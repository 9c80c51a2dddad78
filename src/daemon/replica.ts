import type { Logger } from 'pino';
import type { ChangeLog } from '../changes/change-log.js';
import type { Config } from '../config/config.js';
import { systemClock } from '../core/clock.js';
import { WatchError } from '../core/errors.js';
import { packPaths, parentOf, type RelPath, ROOT } from '../core/path.js';
import type { Target } from '../core/target.js';
import { compareWithTarget } from '../replicate/compare.js';
import type { DirectoryList } from '../replicate/reconcile.js';
import { Replicator } from '../replicate/replicator.js';
import type { Scheduler } from '../replicate/scheduler.js';
import type { Checkpointer } from '../store/checkpointer.js';
import type { DigestStore } from '../store/digest-store.js';
import type { TargetCheckpoint } from '../store/target-checkpoint.js';
import type { TargetDigests } from '../store/target-digests.js';
import { targetIdentity } from '../store/target-identity.js';
import type { SourceIdentity } from '../transfer/messages.js';
import type { TransferPool } from '../transfer/pool.js';
import type { ScannedDirectory } from '../watch/scan.js';
import { sourceLost } from '../watch/watcher.js';
import type { FailLog } from './fail-log.js';
import { isSameSource, latin1Of, readIdentity, type SourceScanner } from './source.js';
import type { TargetStatus } from './status.js';
import { targetLog } from './target-log.js';

/** What all replicas of a daemon share. */
export interface ReplicaSurroundings {
  readonly config: Config;
  readonly log: ChangeLog;
  readonly pool: TransferPool;
  readonly scheduler: Scheduler;
  readonly bigFileScheduler: Scheduler;
  readonly scanner: SourceScanner;
  readonly store: DigestStore;
  readonly checkpointer: Checkpointer;
  readonly failLog: FailLog | undefined;
  readonly logger: Logger;
  /** The directory that is the source. */
  identity(): SourceIdentity;
  /** Whether the source is watched. */
  isLive(): boolean;
  /** Whether any target has confirmed an entry of the source. */
  hasConfirmed(): boolean;
}

/** More open changes than this are not looked through for a checkpoint; it waits until they are fewer. */
const maxOpenChanges = 200_000;

/** One target of a daemon: its replicator, and the account of what it acknowledged. */
export class Replica {
  readonly replicator: Replicator;
  #refusedEmpty = false;
  readonly #digests: TargetDigests;
  readonly #checkpoint: TargetCheckpoint;

  constructor(
    readonly target: Target,
    private readonly around: ReplicaSurroundings,
  ) {
    const { config, store, checkpointer } = around;
    const { rules, crossMounts } = config;
    this.#digests = store.target(
      targetIdentity(target, { rules, crossMounts, deletes: config.delete.enabled }),
    );
    this.#checkpoint = checkpointer.add({
      digests: this.#digests,
      openChanges: () => (around.isLive() ? this.replicator.openChanges(maxOpenChanges) : undefined),
    });
    this.replicator = this.#createReplicator();
  }

  /** Whether the source was empty, against all that is known, when it was last compared with this target. */
  get refusedEmpty(): boolean {
    return this.#refusedEmpty;
  }

  /** Whether the target has confirmed an entry of the source, as far as known. */
  get hasConfirmed(): boolean {
    return this.#digests.entriesBelow(ROOT, 1) > 0;
  }

  status(now: number): TargetStatus {
    const { state, totals, progress, oldestPendingAt, pendingCount, stuckCount, name } = this.replicator;
    return {
      name,
      state: !this.around.isLive() && state.name === 'idle' ? 'starting' : state.name,
      ...('failure' in state ? { reason: `${state.failure.code}: ${state.failure.text}` } : {}),
      pending: pendingCount,
      stuck: stuckCount,
      ...(progress === undefined
        ? {}
        : { reconcile: { directoriesDone: progress.done, directoriesTotal: progress.total } }),
      filesSent: totals.files,
      bytesSent: totals.sentBytes,
      lagSeconds: oldestPendingAt === undefined ? 0 : Math.max(0, now - oldestPendingAt) / 1000,
    };
  }

  /** Frees what it holds, after its replicator has stopped and the last checkpoint was made. */
  close(): void {
    this.around.checkpointer.remove(this.#checkpoint);
    this.replicator.close();
  }

  #createReplicator(): Replicator {
    const { config, log, pool, scheduler, bigFileScheduler, logger, failLog } = this.around;
    const { batch, retry, rules } = config;
    const { target } = this;
    const { maxPaths, parallel, bigFileBytes, maxBytes } = batch;
    const source = latin1Of(config.source);
    const limits = {
      maxPaths,
      parallel,
      bigFileBytes,
      batchBytes: maxBytes,
      retry,
      haltedMs: retry.haltedMs,
    };
    return new Replicator(target.name, limits, {
      cursor: log.openCursor(),
      scheduler,
      bigFileScheduler,
      clock: systemClock,
      random: Math.random,
      probe: () => pool.probe({ target, source, deletes: config.delete.enabled }),
      send: (batch) => {
        const crowded = packPaths(this.#withoutSubdirectories(batch.crowded));
        const identity = this.around.identity();
        return pool.submit({ ...batch, crowded, target, source, rules, identity });
      },
      listDirectories: () => this.#findDifferences(),
      holdsDeletes: () => false,
      journal: this.#checkpoint,
      observer: targetLog(target.name, logger, failLog),
    });
  }

  /**
   * Those that hold no directory at the target, as far as is known: one that is gone at the source would be deleted by a
   * batch that does not name it, and what is known of it would stay.
   */
  #withoutSubdirectories(directories: readonly RelPath[]): RelPath[] {
    const above = new Set(this.#digests.children(directories).map(parentOf));
    return directories.filter((path) => !above.has(path));
  }

  async #findDifferences(): Promise<DirectoryList> {
    this.#checkpoint.restart();
    const scan = await this.around.scanner.scan();
    if (isEmpty(scan) && this.around.hasConfirmed()) {
      this.#refusedEmpty = true;
      throw sourceEmpty();
    }
    // The scan goes by the path, and something may have been mounted there a moment ago.
    if (!isSameSource(await readIdentity(this.around.config.source), this.around.identity()))
      throw sourceLost('another directory stands in its place');
    this.#refusedEmpty = false;
    const { list, hasRemains } = await compareWithTarget(scan, this.#digests);
    if (hasRemains) void this.#digests.sweep();
    return list;
  }
}

const isEmpty = ([root, ...others]: readonly ScannedDirectory[]): boolean =>
  others.length === 0 && (root?.entries ?? 0) === 0;

/**
 * A source without any entry is far more often a disk that is not mounted than a tree that is empty. It is refused for
 * targets that were not compared yet as well: of what they hold nothing is known, and all of it would be deleted.
 */
const sourceEmpty = (): WatchError =>
  new WatchError(
    'SOURCE_EMPTY',
    'the source is empty, and it was not before: nothing is deleted',
    'mount the source; if it is meant to be empty, put any file into it',
  );
