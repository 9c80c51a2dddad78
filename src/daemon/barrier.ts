import type { ChangeLog } from '../changes/change-log.js';
import type { Change } from '../core/change.js';
import { OperationError } from '../core/errors.js';
import { displayPath, type RelPath } from '../core/path.js';
import type { Mark } from '../replicate/open-work.js';
import { concerning } from './concerning.js';
import type { Exclusion } from './filtered.js';
import type { Replica } from './replica.js';
import type { SettledOptions, SettledReport, TargetChoice } from './settled.js';
import type { PathText } from './source-path.js';

export interface BarrierPorts {
  readonly log: Pick<ChangeLog, 'head' | 'pin' | 'lastMatching'>;
  replicas(): readonly Replica[];
  /** Whether every directory is watched. */
  isLive(): boolean;
  /**
   * Resolves when every change that was made before the call is in the log, but for those of the files that it gives: they
   * are being written, or were a moment ago. Rejects when the source is not watched any more.
   */
  drain(): Promise<ReadonlySet<RelPath>>;
  pathOf(text: PathText): RelPath;
  exclusionOf(path: RelPath): Exclusion | undefined;
  exists(path: RelPath): boolean;
}

/** Pause before the files that are being written are looked at again, ms; it doubles. */
const minLookMs = 20;
const maxLookMs = 500;
/** Whatever ends without a word is found after this, ms. */
const checkMs = 200;
/** Files being written that are named. */
const maxNamed = 100;

/** One that waits. */
class Wait {
  marks: readonly Mark[] = [];
  /** Files that were being written when the wait began and of which no change was told since. */
  writing = new Set<RelPath>();
  isOver = false;
  /** Resolves when it is over before all is there. */
  readonly over: Promise<void>;
  #wake = (): void => {};
  #tellOver = (): void => {};

  constructor(readonly paths: readonly RelPath[] | undefined) {
    this.over = new Promise((resolve) => {
      this.#tellOver = resolve;
    });
  }

  readonly end = (): void => {
    this.isOver = true;
    this.#tellOver();
    this.wake();
  };

  wake(): void {
    this.#wake();
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.isOver ? 0 : ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/**
 * Publication barriers: each waits until what is at the source when it is asked for is at the targets. Three steps, so that
 * nothing is forgotten: all events that the kernel has queued are read; the log's position is noted, and what stands in it
 * keeps its place; then every target has to acknowledge all up to there, however much comes after it. Files that are being
 * written are waited for until their change is told.
 */
export class Barriers {
  readonly #waits = new Set<Wait>();
  #isStopping = false;

  constructor(private readonly ports: BarrierPorts) {}

  /** These were appended to the log. */
  changed(changes: readonly Change[]): void {
    for (const { writing } of this.#waits)
      if (writing.size > 0) for (const { path } of changes) writing.delete(path);
  }

  /** A target may have acknowledged something. */
  check(): void {
    for (const wait of this.#waits) wait.wake();
  }

  /** Ends all that wait. */
  stop(): void {
    this.#isStopping = true;
    for (const wait of this.#waits) wait.end();
  }

  /** See `Daemon.settled`. */
  async settled({ paths, targets = 'all', timeoutMs, signal }: SettledOptions): Promise<SettledReport> {
    signal?.throwIfAborted();
    const named = paths?.map((text) => this.ports.pathOf(text));
    this.#chosen(targets);
    const excluded = named?.flatMap((path) => this.ports.exclusionOf(path) ?? []) ?? [];
    const wait = new Wait(named);
    if (excluded.length > 0) return this.#report(wait, targets, { excluded, waitsFor: 'nothing' });
    const timer = timeoutMs === undefined ? undefined : setTimeout(wait.end, timeoutMs);
    signal?.addEventListener('abort', wait.end);
    if (this.#isStopping) wait.end();
    this.#waits.add(wait);
    try {
      const isSettled = await this.#follow(wait, targets);
      signal?.throwIfAborted();
      if (this.#isStopping && !isSettled) throw stopping();
      const waitsFor = isSettled ? 'nothing' : this.#waitsFor(wait);
      return this.#report(wait, targets, { excluded, waitsFor });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', wait.end);
      this.#waits.delete(wait);
      this.#pin();
    }
  }

  /** @returns whether all is there; false: it is over before */
  async #follow(wait: Wait, targets: TargetChoice): Promise<boolean> {
    while (!wait.isOver) {
      const writing = this.ports.isLive() ? await this.#drained(wait) : undefined;
      if (writing === undefined) {
        await wait.pause(checkMs);
        continue;
      }
      wait.marks = [];
      wait.writing = new Set(writing);
      this.#mark(wait, wait.paths);
      const isWritten = await this.#untilWritten(wait, [...writing]);
      // The source was lost: what is in it now is only known when it is back.
      if (!isWritten) continue;
      for (; !wait.isOver; await wait.pause(checkMs)) if (this.#isReached(wait, targets)) return true;
    }
    return false;
  }

  /** @returns false: the source is not watched any more, or it is over */
  async #untilWritten(wait: Wait, writing: readonly RelPath[]): Promise<boolean> {
    if (writing.length === 0) return true;
    for (let lookMs = minLookMs; wait.writing.size > 0; lookMs = Math.min(lookMs * 2, maxLookMs)) {
      await wait.pause(lookMs);
      const still = await this.#drained(wait);
      if (still === undefined) return false;
      for (const path of wait.writing) if (!still.has(path)) wait.writing.delete(path);
    }
    this.#mark(wait, writing);
    return true;
  }

  /** The files that are being written, as far as they concern; `undefined`: nothing is watched, or it is over. */
  async #drained(wait: Wait): Promise<ReadonlySet<RelPath> | undefined> {
    const settling = await Promise.race([this.ports.drain().catch(() => undefined), wait.over]);
    if (wait.isOver || settling === undefined) return undefined;
    const concerns = concerning(wait.paths);
    return new Set([...settling].filter((path) => concerns({ kind: 'entry', path })));
  }

  #mark(wait: Wait, paths: readonly RelPath[] | undefined): void {
    const { log } = this.ports;
    const through = log.head;
    const concerns = concerning(paths);
    const readThrough = paths === undefined ? through : log.lastMatching(through, concerns);
    wait.marks = [...wait.marks, { through, readThrough, concerns }];
    this.#pin();
  }

  #pin(): void {
    const marks = [...this.#waits].flatMap((wait) => wait.marks);
    this.ports.log.pin(Math.max(0, ...marks.map(({ through }) => through)));
  }

  #chosen(targets: TargetChoice): readonly Replica[] {
    const all = this.ports.replicas();
    if (targets === 'all') return all;
    if (typeof targets === 'number') {
      if (Number.isInteger(targets) && targets >= 1 && targets <= all.length) return all;
      throw new OperationError(
        'BAD_REQUEST',
        `${targets} of ${all.length} targets can not be waited for`,
        'name a number from 1 to that of the targets',
      );
    }
    return targets.map((name) => {
      const found = all.find((replica) => replica.name === name);
      if (found !== undefined) return found;
      throw unknownTarget(
        name,
        all.map((replica) => replica.name),
      );
    });
  }

  #isReached(wait: Wait, targets: TargetChoice): boolean {
    const chosen = this.#chosen(targets);
    const needed = typeof targets === 'number' ? targets : chosen.length;
    let there = 0;
    for (const replica of chosen) if (lackOf(replica, wait) === undefined) there++;
    return there >= needed;
  }

  #waitsFor({ marks, writing }: Wait): SettledReport['waitsFor'] {
    if (!this.ports.isLive()) return 'source';
    if (marks.length === 0) return 'events';
    return writing.size > 0 ? 'writers' : 'targets';
  }

  #report(
    wait: Wait,
    targets: TargetChoice,
    {
      excluded,
      waitsFor,
    }: { readonly excluded: readonly Exclusion[]; readonly waitsFor: SettledReport['waitsFor'] },
  ): SettledReport {
    const now = Date.now();
    const isKnown = wait.marks.length > 0 && wait.writing.size === 0;
    return {
      settled: waitsFor === 'nothing' && excluded.length === 0,
      waitsFor,
      targets: this.#chosen(targets).map((replica) => {
        const lack = lackOf(replica, wait);
        const { state, reason } = replica.status(now);
        return {
          name: replica.name,
          settled: isKnown && lack === undefined,
          ...(lack === undefined ? {} : { lacks: lack }),
          state,
          ...(reason === undefined ? {} : { reason }),
        };
      }),
      beingWritten: [...wait.writing].slice(0, maxNamed).map(displayPath),
      excluded: excluded.map(({ path, pattern, pointer }) => ({ path: displayPath(path), pattern, pointer })),
      missing: wait.paths?.filter((path) => !this.ports.exists(path)).map(displayPath) ?? [],
    };
  }
}

const lackOf = ({ replicator }: Replica, { marks }: Wait) => {
  for (const mark of marks) {
    const lack = replicator.lackOf(mark);
    if (lack !== undefined) return lack;
  }
  return undefined;
};

export const unknownTarget = (name: string, known: readonly string[]): OperationError =>
  new OperationError(
    'UNKNOWN_TARGET',
    `there is no target ${JSON.stringify(name)}`,
    known.length === 0 ? 'there are none' : `the targets are ${known.join(', ')}`,
  );

const stopping = (): OperationError =>
  new OperationError('STOPPING', 'imgsync-fast is stopping', 'ask again when it runs again');
