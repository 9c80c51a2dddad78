import type { ChangeLog } from '../changes/change-log.js';
import type { Config } from '../config/config.js';
import { type Change, isWide, packChanges, type Sequence, unpackChanges } from '../core/change.js';
import { systemClock } from '../core/clock.js';
import { WatchError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { asRelPath, displayPath, packPaths, parentOf, type RelPath, ROOT } from '../core/path.js';
import type { Target } from '../core/target.js';
import type { Hooks } from '../hooks/hooks.js';
import { compareWithTarget } from '../replicate/compare.js';
import { attemptOf, type ReplicaFailure, type ReplicaState } from '../replicate/machine.js';
import type { DirectoryList } from '../replicate/reconcile.js';
import { Replicator, type ReplicatorLimits, type RunningProbe } from '../replicate/replicator.js';
import type { Scheduler } from '../replicate/scheduler.js';
import type { Checkpointer } from '../store/checkpointer.js';
import type { DigestStore } from '../store/digest-store.js';
import type { TargetCheckpoint } from '../store/target-checkpoint.js';
import type { TargetDigests } from '../store/target-digests.js';
import { targetIdentity } from '../store/target-identity.js';
import type { DeleteMethod, SourceIdentity, TransferOutcome, VerifyOutcome } from '../transfer/messages.js';
import type { TransferPool } from '../transfer/pool.js';
import type { Compare } from '../transfer/rsync-args.js';
import { sharingOf } from '../transfer/shared-connections.js';
import type { ScannedDirectory } from '../watch/scan.js';
import { sourceLost } from '../watch/watcher.js';
import type { Activity } from './activity.js';
import type { FailLog } from './fail-log.js';
import { KeptFile } from './kept-file.js';
import type { TargetMetrics } from './metrics.js';
import { type DaemonObserver, told } from './observer.js';
import { isSameSource, latin1Of, readIdentity, type SourceScanner } from './source.js';
import type { HeldDeletesStatus, StuckPathsStatus, TargetState, TargetStatus } from './status.js';
import { TargetCounters } from './target-counters.js';
import { TargetDeletes } from './target-deletes.js';
import { targetLog } from './target-log.js';
import { observers, targetWatch } from './target-watch.js';
import type { TreeSize } from './tree-size.js';
import { Verifications } from './verifications.js';
import { Deliveries, type PathAtTarget, whereIs } from './why.js';

/** What all replicas of a daemon share. */
export interface ReplicaSurroundings {
  /** Another one after a reload. */
  config: Config;
  readonly log: ChangeLog;
  readonly pool: TransferPool;
  readonly scheduler: Scheduler;
  readonly bigFileScheduler: Scheduler;
  readonly scanner: SourceScanner;
  readonly size: TreeSize;
  readonly store: DigestStore;
  readonly checkpointer: Checkpointer;
  readonly failLog: FailLog | undefined;
  readonly hooks: Hooks;
  readonly activity: Activity;
  readonly logger: Logger;
  readonly observer: DaemonObserver | undefined;
  /** The directory that is the source. */
  identity(): SourceIdentity;
  /** Whether the source is watched. */
  isLive(): boolean;
  /** Whether any target has confirmed an entry of the source. */
  hasConfirmed(): boolean;
  /** A target acknowledged something, or its state changed. */
  progressed(): void;
}

/** More open changes than this are not looked through for a checkpoint; it waits until they are fewer. */
const maxOpenChanges = 200_000;

/** States in which nothing is sent. */
const unreachable: ReadonlySet<ReplicaState['name']> = new Set([
  'backing-off',
  'halted',
  'suspended',
  'stopped',
]);

/** One target of a daemon: its replicator, and the account of what it acknowledged. */
export class Replica {
  readonly replicator: Replicator;
  readonly deletes: TargetDeletes;
  #refusedEmpty = false;
  /** Whether the target keeps something that the source does not have, since it was compared. */
  #keepsMore = false;
  /**
   * Whether it is compared for the first time. What it had before is taken for the same when size and time are, as rsync
   * does: otherwise everything that is there already would be read, at both ends.
   */
  #isFirstLook = false;
  /** Whether changes may have been missed that no comparison looked for yet. */
  #hasMissed = true;
  /** Whether the running comparison, or the last one that did not get to its end, looks for such changes. */
  #isMakingUp = false;
  /** Called when the full sync that was asked for is through, or can't go on now. */
  #fullSyncEnded: (() => void)[] = [];
  /** `asked`: what is known counts no more from the next comparison on. */
  #fullSync: 'none' | 'asked' | 'running' = 'none';
  /** The newest change when the last comparison began. */
  #comparedFrom: Sequence = 0;
  /** Whether the target was asked how it deletes, or refused a way of which it was known. */
  #wasAsked = false;
  readonly #counters: TargetCounters;
  /** Why it is being tried again. */
  #failure: ReplicaFailure | undefined;
  readonly #deliveries = new Deliveries();
  readonly #verifications = new Verifications();
  readonly #identity: string;
  readonly #digests: TargetDigests;
  readonly #checkpoint: TargetCheckpoint;

  constructor(
    readonly target: Target,
    private readonly around: ReplicaSurroundings,
  ) {
    const { config, store, checkpointer } = around;
    const { rules, crossMounts } = config;
    this.#counters = new TargetCounters(target.name);
    this.#identity = targetIdentity(target, { rules, crossMounts, deletes: config.delete.enabled });
    this.#digests = store.target(this.#identity);
    this.deletes = new TargetDeletes({
      source: config.source,
      rule: config.delete,
      digests: this.#digests,
      scanner: around.scanner,
      size: around.size,
      file: new KeptFile(config.stateDir, placeOf(target)),
      clock: systemClock,
      logger: around.logger.child({ target: target.name }),
    });
    this.#checkpoint = checkpointer.add({
      digests: this.#digests,
      openChanges: () => (around.isLive() ? this.replicator.openChanges(maxOpenChanges) : undefined),
      isCompared: () => around.isLive() && this.replicator.isCompared,
    });
    this.replicator = this.#createReplicator();
    const sharing = sharingOf(config.stateDir, target);
    if (sharing !== undefined && 'fault' in sharing)
      around.logger.warn(
        { target: target.name, reason: sharing.fault },
        'the ssh connection is not shared: each rsync makes one of its own',
      );
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
    const { state, totals, progress, oldestPendingAt, pendingCount, stuckCount, heldCount, name } =
      this.replicator;
    return {
      name,
      state: this.#shownState(state.name),
      up: !unreachable.has(state.name) && attemptOf(state) === 0,
      ...this.#reason(),
      pending: pendingCount,
      stuck: stuckCount,
      held: this.deletes.isHolding ? heldCount : 0,
      kept: this.deletes.kept.length,
      ...(progress === undefined
        ? {}
        : { reconcile: { directoriesDone: progress.done, directoriesTotal: progress.total } }),
      filesSent: totals.files,
      bytesSent: totals.sentBytes,
      deleted: totals.deleted,
      ...(totals.lastSuccessAt === undefined
        ? {}
        : { lastSuccessAt: new Date(totals.lastSuccessAt).toISOString() }),
      ...(oldestPendingAt === undefined ? {} : { oldestPendingAt: new Date(oldestPendingAt).toISOString() }),
      lagSeconds: oldestPendingAt === undefined ? 0 : Math.max(0, now - oldestPendingAt) / 1000,
    };
  }

  metrics(): TargetMetrics {
    return {
      ...this.#counters.snapshot(this.replicator.totals),
      verified: this.#verifications.ratio,
      drifted: this.#verifications.drifted,
    };
  }

  /** @param most paths that are named */
  stuckPaths(most: number): StuckPathsStatus {
    const paths: StuckPathsStatus['paths'][number][] = [];
    for (const { path, code, text, attempts, since } of this.replicator.stuck) {
      if (paths.length >= most) break;
      paths.push({ path: displayPath(path), code, text, attempts, since: new Date(since).toISOString() });
    }
    return { target: this.target.name, stuck: this.replicator.stuckCount, paths };
  }

  /** @param most paths that are named */
  heldDeletes(most: number): HeldDeletesStatus {
    const { deletes, replicator } = this;
    const held = deletes.isHolding ? [...replicator.held] : [];
    return {
      target: this.target.name,
      holding: deletes.isHolding,
      ...(deletes.heldSince === undefined ? {} : { since: new Date(deletes.heldSince).toISOString() }),
      ...(Number.isFinite(deletes.limit) ? { limit: deletes.limit } : {}),
      entries: deletes.isHolding ? replicator.heldEntries : 0,
      held: held.length,
      heldPaths: held.slice(0, most).map(shown),
      kept: deletes.kept.length,
      keptPaths: deletes.kept.slice(0, most).map(shown),
    };
  }

  /** Deletes what is held and what was kept by a rejection. @returns how many paths */
  approveDeletes(): number {
    return this.deletes.isHolding || this.deletes.kept.length > 0 ? this.#letGo() : 0;
  }

  /** Keeps at the target what is held. @returns how many paths */
  rejectDeletes(): number {
    if (!this.deletes.isHolding) return 0;
    const dropped = this.replicator.dropHeld();
    this.deletes.reject(dropped);
    this.#keepsMore = true;
    this.around.logger.warn(
      { target: this.target.name, paths: dropped.length },
      'rejected: the target keeps what the source no longer has',
    );
    return dropped.length;
  }

  get name(): string {
    return this.target.name;
  }

  /** Compares the target with the source, for changes may have been missed. */
  compare(reason: string): void {
    this.#hasMissed = true;
    this.replicator.reconcile(reason);
  }

  /** See `FullSyncTarget`. */
  fullSync(): Promise<void> {
    this.#fullSync = 'asked';
    const ended = new Promise<void>((resolve) => this.#fullSyncEnded.push(resolve));
    if (unreachable.has(this.replicator.state.name) || this.replicator.isPaused) this.#endFullSync();
    this.replicator.reconcile('full sync', { isDoubtful: false });
    return ended;
  }

  /** Where a path stands with this target; `gone`: see `goneAt`. */
  where(path: RelPath, gone: readonly RelPath[]): PathAtTarget {
    const { name, state, reason } = this.status(Date.now());
    const { kept } = this.deletes;
    const found = whereIs(path, gone, {
      replicator: this.replicator,
      kept,
      deliveries: this.#deliveries,
      // What is stored of the directory that holds it.
      isStored: this.#digests.isWhole(parentOf(path) ?? path),
    });
    return { name, state, ...(reason === undefined ? {} : { reason }), ...found };
  }

  /**
   * Tells, changing nothing there, what differs at the target of these; see `verifyTarget`.
   * @param entries how many there are to compare; `undefined`: it is no more than a second look
   */
  difference(changes: readonly Change[], compare: Compare, entries?: number): Promise<VerifyOutcome> {
    const { config, pool } = this.around;
    const withoutDeletes = !config.delete.enabled;
    const running = pool.verify({
      target: this.target,
      source: latin1Of(config.source),
      identity: this.around.identity(),
      rules: config.rules,
      kept: this.deletes.kept,
      changes: packChanges(changes),
      compare,
      deleteMethod: withoutDeletes ? 'none' : (this.#knownMethod() ?? 'parent-directory'),
    });
    return entries === undefined ? running.outcome : this.#verifications.follow(running, entries);
  }

  /** So many paths differed at the target although it had acknowledged them. */
  noteDrift(paths: number): void {
    this.#verifications.drifted += paths;
  }

  /** Starts nothing for this target any more, or goes on. */
  setPaused(isPaused: boolean): void {
    this.replicator.setPaused(isPaused);
    if (isPaused) this.#endFullSync();
  }

  /** What may change while it runs. */
  configure(config: Config): void {
    this.deletes.setRule(config.delete);
    this.replicator.setLimits(limitsOf(config));
  }

  /** Stops its transfers and frees what it holds; what it acknowledged is stored. */
  async remove(): Promise<void> {
    await this.replicator.stop();
    await this.around.checkpointer.checkpoint();
    this.close();
  }

  /** Frees what it holds, after its replicator has stopped and the last checkpoint was made. */
  close(): void {
    this.around.checkpointer.remove(this.#checkpoint);
    this.replicator.close();
  }

  #createReplicator(): Replicator {
    const { config, log, pool, scheduler, bigFileScheduler, store, logger, failLog, hooks, observer } =
      this.around;
    const { rules } = config;
    const { target } = this;
    const source = latin1Of(config.source);
    const watched = observers(
      targetLog(target.name, logger, failLog),
      targetWatch(target.name, this.around.activity, this.#counters),
    );
    const written = told(watched, observer?.target(target.name));
    return new Replicator(target.name, limitsOf(config), {
      cursor: log.openCursor(),
      scheduler,
      bigFileScheduler,
      clock: systemClock,
      random: Math.random,
      probe: () => {
        const looksForEntries = this.deletes.waits && !this.deletes.isHolding ? rules : undefined;
        const known = this.#wasAsked || looksForEntries !== undefined ? undefined : this.#knownMethod();
        // After a failure the target is asked itself: another rsync may answer there by now.
        this.#wasAsked = true;
        if (known !== undefined) return alreadyKnown(known);
        const running = pool.probe({ target, source, deletes: config.delete.enabled, looksForEntries });
        return {
          outcome: running.outcome.then((outcome) => {
            if (outcome.result === 'ready') store.setDeleteMethod(this.#identity, outcome.deleteMethod);
            if (outcome.result === 'ready' && outcome.isEmpty) this.deletes.skipFirstSync();
            return outcome;
          }),
          cancel: () => running.cancel(),
        };
      },
      send: ({ list, isLive, ...batch }) => {
        const deletes = this.deletes.begin(list);
        const { kept } = this.deletes;
        const crowded = packPaths(this.#withoutSubdirectories(batch.crowded));
        const request = {
          ...batch,
          checks: isLive || !this.#isFirstLook,
          treesBy: this.#howToCompare(list),
          crowded,
          kept,
          target,
          source,
          rules,
          identity: this.around.identity(),
        };
        const sequence = log.head;
        // From now on what the target has is not only what it had before.
        store.setSent(this.#identity);
        const running = pool.submit(request, deletes.ask);
        return {
          get progress() {
            return running.progress;
          },
          outcome: running.outcome.then((outcome) => {
            deletes.end(outcome);
            if (outcome.result === 'delete-method') store.setDeleteMethod(this.#identity, undefined);
            this.#counters.batchEnded(outcome);
            if (outcome.result === 'acknowledge') {
              const left = leftBy(outcome);
              this.#counters.delivered(list, left, isLive, systemClock.now());
              hooks.delivered({
                target: target.name,
                changes: list,
                left,
                sequence,
                isQuiet: outcome.stats.files + outcome.stats.deleted === 0,
              });
            }
            return outcome;
          }),
          cancel: () => running.cancel(),
        };
      },
      listDirectories: (skipped) => this.#findDifferences(skipped),
      holdsDeletes: () => this.deletes.waits,
      journal: {
        sending: (changes) => this.#checkpoint.sending(changes),
        // A directory may come back to what the target keeps in its place, and only a comparison can tell.
        acknowledged: (ticket, directories) =>
          this.#checkpoint.acknowledged(ticket, this.#keepsMore ? [] : directories),
      },
      observer: {
        ...written,
        stateChanged: (state, before) => {
          written.stateChanged(state, before);
          this.around.progressed();
          if ('failure' in state) this.#failure = state.failure;
          else if (attemptOf(state) === 0) this.#failure = undefined;
          if (state.name === 'idle') this.#settled();
          if (unreachable.has(state.name)) this.#endFullSync();
        },
        delivered: (changes, stats) => {
          written.delivered(changes, stats);
          this.#deliveries.add(changes, Date.now());
          this.around.progressed();
          // A batch that was sent without its deletes may end after those were let go.
          if (!this.deletes.waits && this.replicator.heldCount > 0)
            queueMicrotask(() => this.replicator.releaseHeld());
        },
        reconcileFinished: (directories) => {
          written.reconcileFinished(directories);
          this.around.progressed();
          this.#isMakingUp = false;
          if (this.#fullSync === 'running') {
            this.#fullSync = 'none';
            this.#endFullSync();
          }
          const open = this.replicator.openChanges(maxOpenChanges);
          if (open !== undefined) hooks.compared(target.name, this.#comparedFrom, open);
          if (this.deletes.finishedComparison(this.replicator.heldEntries)) this.#letGo();
          void this.around.checkpointer.catchUp(this.#checkpoint);
        },
      },
    });
  }

  /**
   * How to find out what the target holds behind the names of a subtree. Mostly it is new there: so nothing is read twice,
   * unless the target is known to have it, or may have got a part of it.
   */
  #howToCompare(changes: readonly Change[]): Compare {
    const trees = changes.flatMap(({ kind, path }) => (kind === 'tree' ? path : []));
    const { state } = this.replicator;
    const isRetry = 'attempt' in state && state.attempt > 0;
    return isRetry || this.#digests.knownAmong(trees).length > 0 ? 'checksum' : 'never';
  }

  /**
   * Those that hold no directory at the target, as far as is known: one that is gone at the source would be deleted by a
   * batch that does not name it, and what is known of it would stay.
   */
  #withoutSubdirectories(directories: readonly RelPath[]): RelPath[] {
    const above = new Set(this.#digests.children(directories).map(parentOf));
    return directories.filter((path) => !above.has(path));
  }

  #shownState(state: ReplicaState['name']): TargetState {
    if (this.replicator.isPaused && state !== 'suspended' && state !== 'stopped') return 'paused';
    return !this.around.isLive() && state === 'idle' ? 'starting' : state;
  }

  #reason(): Pick<TargetStatus, 'reason' | 'code' | 'hint'> {
    const { heldCount } = this.replicator;
    // While it is tried again it is not known to be well.
    if (this.#failure !== undefined) {
      const { code, text, hint } = this.#failure;
      return { reason: `${code}: ${text}`, code, hint };
    }
    if (!this.deletes.isHolding) return {};
    return {
      reason: `DELETES_HELD: ${heldCount} paths wait for \`imgsync-fast deletes approve\` or \`reject\``,
      code: 'DELETES_HELD',
      hint: 'look at them and approve or reject them',
    };
  }

  /** How the target deletes, as a former process found out; of what is stored nothing else is trusted. */
  #knownMethod(): DeleteMethod | undefined {
    const stored = this.around.store.deleteMethod(this.#identity);
    return deleteMethods.find((method) => method === stored);
  }

  #letGo(): number {
    const held = [...this.replicator.held];
    const kept = this.deletes.approve(held);
    this.replicator.releaseHeld();
    this.replicator.markChanged(kept);
    return held.length + kept.length;
  }

  #settled(): void {
    this.deletes.settled();
    if (!this.deletes.isHolding || this.replicator.heldCount > 0) return;
    this.deletes.release();
    this.around.logger.info({ target: this.target.name }, 'nothing is left of the deletes that were held');
  }

  #endFullSync(): void {
    for (const ended of this.#fullSyncEnded.splice(0)) ended();
  }

  async #findDifferences(skipped: boolean): Promise<DirectoryList> {
    const isFull = this.#fullSync === 'asked';
    this.#isMakingUp ||= this.#hasMissed || skipped;
    this.#hasMissed = false;
    // A full sync looks at the whole target again, in the way of a first one.
    this.#isFirstLook = (isFull && !this.#isMakingUp) || !this.around.store.wasSent(this.#identity);
    this.#checkpoint.restart();
    this.#keepsMore = this.deletes.kept.length > 0;
    this.#comparedFrom = this.around.log.head;
    const scan = await this.around.scanner.scan(!skipped);
    if (isEmpty(scan) && this.around.hasConfirmed()) {
      this.#refusedEmpty = true;
      throw sourceEmpty();
    }
    // The scan goes by the path, and something may have been mounted there a moment ago.
    if (!isSameSource(await readIdentity(this.around.config.source), this.around.identity()))
      throw sourceLost('another directory stands in its place');
    this.#refusedEmpty = false;
    if (isFull) {
      this.#digests.distrust();
      this.#fullSync = 'running';
    }
    const comparison = await compareWithTarget(scan, this.#digests);
    this.deletes.compared(comparison);
    const { list, hasRemains } = comparison;
    if (hasRemains) void this.#digests.sweep();
    return list;
  }
}

/** What a target did not take of a batch that it acknowledged. */
const leftBy = ({
  big,
  deferred,
  held,
  stuck,
}: Extract<TransferOutcome, { result: 'acknowledge' }>): ReadonlySet<RelPath> =>
  new Set([
    ...[big, deferred, held].flatMap((packed) => Array.from(unpackChanges(packed), ({ path }) => path)),
    ...stuck.map(({ path }) => asRelPath(path)),
  ]);

const deleteMethods: readonly DeleteMethod[] = ['missing-args', 'parent-directory', 'none'];

const alreadyKnown = (deleteMethod: DeleteMethod): RunningProbe => ({
  outcome: Promise.resolve({ result: 'ready', deleteMethod, isEmpty: false }),
  cancel: () => {},
});

/** Where a target is, whatever else decides what is put there. */
const placeOf = ({ location }: Target): string => JSON.stringify(Object.entries(location).sort());

const shown = ({ kind, path }: Change): string => {
  const text = displayPath(path);
  return !isWide(kind) ? text : `${text}/${kind === 'directory' ? '*' : '**'}`;
};

const limitsOf = ({ batch, retry }: Config): ReplicatorLimits => ({
  maxPaths: batch.maxPaths,
  parallel: batch.parallel,
  bigFileBytes: batch.bigFileBytes,
  batchBytes: batch.maxBytes,
  retry,
  haltedMs: retry.haltedMs,
});

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
