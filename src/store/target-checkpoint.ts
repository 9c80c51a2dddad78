import { type Change, isWide } from '../core/change.js';
import { liesBelow, neighboursParent, parentOf, type RelPath } from '../core/path.js';
import { isStorableName } from './digest-record.js';
import {
  type AcknowledgedDirectory,
  type Coverage,
  type DirectoryIds,
  type TargetDigests,
  unknownDigest,
} from './target-digests.js';

/** A directory of the source as it is now. */
export interface DigestedDirectory {
  readonly path: RelPath;
  /** 16 bytes as a latin1 string; all NUL when it can't be read. */
  readonly digest: string;
  readonly entries: number;
}

export interface CheckpointTarget {
  readonly digests: Pick<
    TargetDigests,
    'put' | 'remove' | 'expect' | 'changedAbove' | 'isMarked' | 'isWhole' | 'knownAmong' | 'children'
  >;
  /**
   * Every change that the target has not acknowledged: unread in the log, waiting, in flight, stuck or held; directories
   * of a running reconcile need not be among them. `undefined`: it can't be told now, for directories are being compared
   * for this target, its cursor expired, the source is not watched, or they are too many to look through.
   */
  openChanges(): Iterable<Change> | undefined;
  /** Whether every directory that was to be compared was sent, and none is to be since. */
  isCompared(): boolean;
}

/** A batch on its way to a target. */
export interface Ticket {
  readonly changes: readonly Change[];
  readonly generation: number;
}

/** What a round found at the source. */
export interface RoundFindings {
  readonly found: readonly DigestedDirectory[];
  /** Those of the children that were asked for that exist. */
  readonly existing: ReadonlySet<RelPath>;
  /** Paths that are about to change and not in the change log yet. */
  readonly settling: readonly RelPath[];
}

const rank: Readonly<Record<Coverage, number>> = { entries: 0, all: 1, tree: 2 };
/** Directories that are stored without a pause. */
const storedAtOnce = 4096;

/** One target in the rounds of the checkpointer, and what is to be told of its batches. */
export class TargetCheckpoint {
  /** Directories that were acknowledged, at least in part, since they were stored. */
  #touched = new Map<RelPath, Coverage>();
  /** Those of them that the running round looks at. */
  readonly #taken = new Map<RelPath, Coverage>();
  #children: readonly RelPath[] = [];
  /** Directories of the running round that were acknowledged with all beneath. */
  #trees: ReadonlySet<RelPath> = new Set();
  #openBefore = new ChangingDirectories();
  #sentSince = new ChangingDirectories();
  /** 0: the target was not compared by this process. */
  #generation = 0;
  /** What {@link beginCatchUp} said when the running round began. */
  #catchingUp: number | undefined;
  /** Whether it is known which directories are older than the end of the comparison: all but {@link #older} are new. */
  #isCaughtUp = false;
  /** What was open when it became known. */
  #older: ReadonlySet<RelPath> = new Set();

  /** @param roundWanted is called when {@link wantsRound} may have become true */
  constructor(
    private readonly target: CheckpointTarget,
    private readonly roundWanted: () => void = () => {},
  ) {}

  /** Whether the next round may have something to do: what was sent is noted until it begins. */
  get wantsRound(): boolean {
    return this.#touched.size > 0 || !this.#sentSince.isEmpty || (this.#generation > 0 && !this.#isCaughtUp);
  }

  /** To be called before a batch is sent. @returns what {@link acknowledged} wants when the target took it */
  sending(changes: readonly Change[]): Ticket {
    this.target.digests.expect(changes);
    this.#sentSince.add(changes);
    this.roundWanted();
    return { changes, generation: this.#generation };
  }

  /**
   * The target took the batch, but for changes that are open again: deferred, held or stuck.
   * @param directories those of which only an `entry` was sent, parents before children
   * @returns those of them that the target may have held before, with other contents: they have to be sent as `directory`
   */
  acknowledged({ changes, generation }: Ticket, directories: readonly RelPath[]): RelPath[] {
    if (generation !== this.#generation) return [];
    const { digests } = this.target;
    const ids: DirectoryIds = new Map();
    for (const change of changes) {
      const { kind, path } = change;
      if (isWide(kind)) this.#touch(path, kind === 'tree' ? 'tree' : 'all');
      else if (digests.isMarked(path)) this.#touch(path, 'entries');
      const parent = parentOf(path);
      // An earlier try may have named less and marked more: the parent, for the path's own sake.
      const isParentMarked = parent !== undefined && digests.isMarked(parent);
      const above = digests.changedAbove(change, ids) ?? (isParentMarked ? parent : undefined);
      if (above !== undefined) this.#touch(above, 'entries');
    }
    if (this.#generation === 0) return [];
    const isOld = (path: RelPath) =>
      !this.#isCaughtUp || this.#older.has(path) || liesBelow(path, this.#older);
    if (this.target.isCompared())
      for (const path of directories) if (!isOld(path) && this.#isNew(path)) this.#touch(path, 'tree');
    return directories.filter(isOld);
  }

  /**
   * To be called when directories are about to be compared for this target, before that begins: changes may have been
   * missed, so what was sent before says nothing.
   */
  restart(): void {
    this.#generation++;
    this.#touched.clear();
    this.#taken.clear();
    this.#trees = new Set();
    this.#children = [];
    this.#isCaughtUp = false;
    this.roundWanted();
  }

  /**
   * To be called before the watcher is drained, so that {@link catchUp} can follow.
   * @returns the comparison that has ended, while it is not known which directories are older than its end
   */
  beginCatchUp(): number | undefined {
    const isDue = !this.#isCaughtUp && this.#generation > 0 && this.target.isCompared();
    return isDue ? this.#generation : undefined;
  }

  /**
   * The watcher was drained since {@link beginCatchUp}: every directory that was made before the comparison ended was sent
   * or is open.
   */
  catchUp(comparison: number | undefined): void {
    if (comparison !== this.#generation || this.#isCaughtUp || !this.target.isCompared()) return;
    const open = this.target.openChanges();
    if (open === undefined) return;
    this.#older = new Set(Array.from(open, ({ path }) => path));
    this.#isCaughtUp = true;
  }

  /** Takes the directories in which nothing is open. @returns whether the round has anything to do */
  take(): boolean {
    this.#sentSince = new ChangingDirectories();
    this.#catchingUp = this.beginCatchUp();
    const isCatchingUp = this.#catchingUp !== undefined;
    const open = this.#touched.size === 0 ? undefined : this.target.openChanges();
    if (open === undefined) return isCatchingUp;
    const changes = [...open];
    this.#openBefore = new ChangingDirectories(changes);
    if (this.#older.size > 0)
      this.#older = new Set(changes.flatMap(({ path }) => (this.#older.has(path) ? path : [])));
    const touched = this.#touched;
    this.#touched = new Map();
    for (const [path, coverage] of touched)
      (this.#openBefore.has(path) ? this.#touched : this.#taken).set(path, coverage);
    return this.#taken.size > 0 || isCatchingUp;
  }

  /** Taken with all beneath. */
  get takenTrees(): RelPath[] {
    return this.#takenWith((coverage) => coverage === 'tree');
  }

  /** The other directories that were taken. */
  get takenDirectories(): RelPath[] {
    return this.#takenWith((coverage) => coverage !== 'tree');
  }

  /** The known subdirectories that may have been deleted by a batch that named only the directory above. */
  lookUpChildren(): readonly RelPath[] {
    this.#children = this.target.digests.children(this.#takenWith((coverage) => coverage === 'all'));
    return this.#children;
  }

  /** Stores what was found of the taken directories in which still nothing is open; in steps. */
  async store({ found, existing, settling }: RoundFindings): Promise<void> {
    this.catchUp(this.#catchingUp);
    const missing = new Set(this.#taken.keys());
    for (const { path } of found) missing.delete(path);
    this.#trees = new Set(this.takenTrees);
    for (let at = 0; at < found.length || at === 0; at += storedAtOnce) {
      const changing = this.#changing(settling);
      if (changing === undefined) return;
      if (at === 0) this.#forget([...missing].filter((path) => !this.#isOpen(path, changing)));
      const known = this.#judge(found.slice(at, at + storedAtOnce), changing);
      this.#settleChildren(known, existing, changing);
      this.target.digests.put(known, (path) => this.#isNamed(path, changing));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** Ends a round: what could not be stored is taken again in the next. */
  giveBack(): void {
    for (const [path, coverage] of this.#taken) widen(this.#touched, path, coverage);
    this.#taken.clear();
    this.#trees = new Set();
    this.#children = [];
    this.#catchingUp = undefined;
  }

  /**
   * Whether the target holds nothing in the directory but what was sent since it was made: it is not known, while all
   * that the one above holds was acknowledged, though perhaps not stored yet.
   */
  #isNew(path: RelPath): boolean {
    const parent = parentOf(path);
    if (parent === undefined || !isStorableName(path.slice(path.lastIndexOf('/') + 1))) return false;
    const { digests } = this.target;
    const isWholeAbove =
      [this.#touched, this.#taken].some((coverages) => (coverages.get(parent) ?? 'entries') !== 'entries') ||
      digests.isWhole(parent);
    return isWholeAbove && digests.knownAmong([path]).length === 0;
  }

  #touch(path: RelPath, coverage: Coverage): void {
    widen(this.#touched, path, coverage);
    this.roundWanted();
  }

  #takenWith(isWanted: (coverage: Coverage) => boolean): RelPath[] {
    return [...this.#taken].flatMap(([path, coverage]) => (isWanted(coverage) ? path : []));
  }

  #changing(settling: readonly RelPath[]): ChangingDirectories | undefined {
    const open = this.target.openChanges();
    if (open === undefined) return undefined;
    const changing = new ChangingDirectories(open);
    changing.add(settling.map((path) => ({ kind: 'entry', path })));
    return changing;
  }

  /** Whether the digest, which is older than this moment, may cover something that was not acknowledged, or lack what was. */
  #isOpen(path: RelPath, changing: ChangingDirectories): boolean {
    return changing.has(path) || this.#openBefore.has(path) || this.#sentSince.has(path);
  }

  /** Whether a batch that changes the path itself may be under way, or was since the digest was taken. */
  #isNamed(path: RelPath, changing: ChangingDirectories): boolean {
    return changing.names(path) || this.#openBefore.names(path) || this.#sentSince.names(path);
  }

  /** The target acknowledged that these are gone. */
  #forget(paths: readonly RelPath[]): void {
    for (const path of paths) this.#taken.delete(path);
    this.target.digests.remove(paths);
  }

  #judge(found: readonly DigestedDirectory[], changing: ChangingDirectories): AcknowledgedDirectory[] {
    const known: AcknowledgedDirectory[] = [];
    for (const directory of found) {
      const { path } = directory;
      const isNew = this.#trees.has(path) || liesBelow(path, this.#trees);
      const coverage = isNew ? 'tree' : this.#taken.get(path);
      if (coverage === undefined) continue;
      this.#taken.delete(path);
      const isOpen = this.#isOpen(path, changing);
      if (!isOpen) known.push({ ...directory, coverage });
      // That it is a new directory is certain, and what lies below it may be stored; its own digest has to wait.
      else if (isNew) known.push({ ...directory, coverage, digest: unknownDigest });
      if (isOpen) widen(this.#touched, path, isNew ? 'all' : coverage);
    }
    return known;
  }

  /**
   * A batch that named only a directory may have deleted subdirectories of it, at any time up to its end. Those that are
   * gone are forgotten; those that are back will be sent anew by a change of their own, and count no more till then.
   */
  #settleChildren(
    known: readonly AcknowledgedDirectory[],
    existing: ReadonlySet<RelPath>,
    changing: ChangingDirectories,
  ): void {
    if (this.#children.length === 0) return;
    const parents = new Set(known.map(({ path }) => path));
    const children = this.#children.filter((path) => parents.has(parentOf(path) ?? path));
    this.target.digests.remove(children.filter((path) => !existing.has(path)));
    const back = children.filter((path) => existing.has(path) && changing.names(path));
    this.target.digests.expect(back.map((path) => ({ kind: 'tree', path })));
  }
}

const widen = (coverages: Map<RelPath, Coverage>, path: RelPath, coverage: Coverage): void => {
  const older = coverages.get(path);
  if (older === undefined || rank[coverage] > rank[older]) coverages.set(path, coverage);
};

/** The directories whose digest some changes alter. Looked through only when asked: most is told and never asked for. */
class ChangingDirectories {
  readonly #named = new Set<RelPath>();
  readonly #parents = new Set<RelPath>();
  readonly #trees = new Set<RelPath>();
  readonly #parentOf = neighboursParent();
  #told: Iterable<Change>[] = [];

  constructor(changes?: Iterable<Change>) {
    if (changes !== undefined) this.add(changes);
  }

  /** @param changes some; they stay as they are */
  add(changes: Iterable<Change>): void {
    this.#told.push(changes);
  }

  get isEmpty(): boolean {
    return this.#told.length === 0 && this.#named.size === 0;
  }

  /** Whether a change names the path itself. */
  names(path: RelPath): boolean {
    this.#lookThrough();
    return this.#named.has(path);
  }

  has(directory: RelPath): boolean {
    this.#lookThrough();
    return this.#named.has(directory) || this.#parents.has(directory) || liesBelow(directory, this.#trees);
  }

  #lookThrough(): void {
    if (this.#told.length === 0) return;
    for (const changes of this.#told) {
      for (const { kind, path } of changes) {
        this.#named.add(path);
        this.#parents.add(this.#parentOf(path) ?? path);
        if (kind === 'tree') this.#trees.add(path);
      }
    }
    this.#told = [];
  }
}
