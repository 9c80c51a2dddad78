import { type Change, isWide } from '../core/change.js';
import { ancestorsOf, parentOf, type RelPath, ROOT } from '../core/path.js';
import {
  aboveRoot,
  type DigestRecord,
  decodeRecord,
  encodeKey,
  encodeRecord,
  isStorableName,
  keyBehind,
  nameOf,
} from './digest-record.js';
import { childPath, childrenOf, DigestWalk, type KnownDirectory, lastName } from './digest-walk.js';
import type { StoreWriter, Table } from './store-file.js';
import { pause, removeCutOff, stepSize } from './sweep.js';

/**
 * How much of a directory was acknowledged:
 * - `entries`: some of its entries; counts only when all the others had been acknowledged before
 * - `all`: all its immediate entries
 * - `tree`: all of it and of everything beneath; the directory is taken for a new one, so what was known of former
 *   directories below it no longer counts
 */
export type Coverage = 'entries' | 'all' | 'tree';

export interface AcknowledgedDirectory {
  readonly path: RelPath;
  /** 16 bytes as a latin1 string; all NUL: not known at the moment. */
  readonly digest: string;
  readonly entries: number;
  readonly coverage: Coverage;
}

/** Directory -> the id under which its subdirectories stand; `undefined` when there is none. */
export type DirectoryIds = Map<RelPath, number | undefined>;

/** `changing`: the directory's own entries; `suspect`: it may be deleted or replaced, and so all below it. */
type Mark = 'changing' | 'suspect';

/** Stands for a digest that is not known. */
export const unknownDigest = '\0'.repeat(16);

/**
 * Directory -> digest that one target acknowledged.
 *
 * A record counts only while every directory above it does: its key begins with the id of its parent's record, so a
 * parent that is removed, or gets a new id, cuts off everything below it in one write.
 *
 * Before a batch is sent, {@link expect} marks the records of the directories that it changes, so that a process that
 * dies half-way leaves nothing behind that counts and is not so. Within the life of a process the checkpointer resolves
 * the marks; one that a former process left means that the directory has to be acknowledged anew.
 */
export class TargetDigests {
  /** Directories that this process marked; a marked record that is not among them was marked by a former one. */
  readonly #markedHere = new Set<RelPath>();

  constructor(
    private readonly table: Table,
    private readonly writer: StoreWriter,
  ) {}

  /** Records held, also those that no longer count. */
  get size(): number {
    return (this.table.getStats() as { entryCount: number }).entryCount;
  }

  /** Looks directories up; each one after its parent. */
  walk(): DigestWalk {
    return new DigestWalk(this.table, this.writer);
  }

  /** One directory; for many, {@link walk} is faster. */
  get(path: RelPath): KnownDirectory | undefined {
    const walk = this.walk();
    for (const above of [...ancestorsOf(path)].reverse()) walk.get(above);
    return walk.get(path);
  }

  /** To be called before a batch with these changes is sent. */
  expect(changes: readonly Change[]): void {
    const ids: DirectoryIds = new Map();
    const marks = new Map<RelPath, Mark>();
    for (const { kind, path } of changes) {
      const above = this.changedAbove({ kind, path }, ids);
      if (above !== undefined && !marks.has(above)) marks.set(above, 'changing');
      // The root itself is neither deleted nor replaced: of it an entry carries the attributes alone.
      if (isWide(kind) || path !== ROOT) marks.set(path, 'suspect');
    }
    const missing = [...marks].filter(([path, mark]) => this.#lacksMark(path, mark, ids));
    if (missing.length === 0) return;
    this.writer.write(() => {
      // Parents first, for a renewed one cuts off what is below it.
      for (const [path, mark] of missing) this.#mark(path, mark);
    });
  }

  /**
   * The directory above a change that is altered by it: that which holds the path, or where nothing is known of that
   * one, the nearest of which something is, for the target creates those in between. Of the root, the root itself.
   */
  changedAbove({ kind, path }: Change, ids: DirectoryIds = new Map()): RelPath | undefined {
    if (kind === 'directory' && this.#idOf(path, ids) !== undefined) return undefined;
    let above = parentOf(path) ?? path;
    while (above !== ROOT && this.#idOf(above, ids) === undefined) above = parentOf(above) ?? ROOT;
    return above;
  }

  /**
   * Stores what was acknowledged; parents before children. What lies below a directory for which there is no record, and
   * of which `isDoubtful` says that it may be about to be deleted or replaced, is left out.
   */
  put(
    directories: readonly AcknowledgedDirectory[],
    isDoubtful: (path: RelPath) => boolean = () => false,
  ): void {
    if (directories.length === 0) return;
    this.writer.write(() => {
      const ids: DirectoryIds = new Map();
      for (const directory of directories) this.#store(directory, ids, isDoubtful);
    });
  }

  /** Forgets directories that the target no longer has, and all below them. */
  remove(paths: readonly RelPath[]): void {
    if (paths.length === 0) return;
    this.writer.write(() => {
      const ids: DirectoryIds = new Map();
      for (const path of paths) {
        const parentId = this.#parentId(path, ids);
        if (parentId !== undefined) this.table.remove(encodeKey(parentId, lastName(path)));
        ids.set(path, undefined);
        this.#markedHere.delete(path);
      }
    });
  }

  /** These directories were found to differ: until they are acknowledged as a whole, their digests don't count. */
  markUnknown(paths: readonly RelPath[]): void {
    this.writer.write(() => {
      const ids: DirectoryIds = new Map();
      for (const path of paths) {
        const parentId = this.#parentId(path, ids);
        const record = parentId === undefined ? undefined : this.#read(parentId, path);
        if (parentId === undefined || record === undefined || record.isUnknown) continue;
        this.#put(parentId, path, { ...record, isUnknown: true });
      }
    });
  }

  /** Nothing counts any more until it is acknowledged again; the numbers of entries stay known. */
  distrust(): void {
    this.writer.write(() => {
      const root = this.#read(aboveRoot, ROOT);
      if (root !== undefined) this.#put(aboveRoot, ROOT, { ...root, isSuspect: true });
      this.#markedHere.clear();
    });
  }

  /** Forgets everything; {@link sweep} frees the room. */
  clear(): void {
    this.remove([ROOT]);
  }

  /** Whether all entries of a directory were acknowledged when it was stored; what this process sent since aside. */
  isWhole(path: RelPath): boolean {
    const parent = parentOf(path);
    const parentId = parent === undefined ? aboveRoot : this.#soundId(parent);
    const record = parentId === undefined ? undefined : this.#read(parentId, path);
    return record !== undefined && this.#isKnown(record, path);
  }

  /** Whether a directory that is stored was marked by this process, and not stored since. */
  isMarked(path: RelPath): boolean {
    return this.#markedHere.has(path);
  }

  /** The subdirectories of these directories for which records are held. */
  children(directories: readonly RelPath[]): RelPath[] {
    const ids: DirectoryIds = new Map();
    return directories.flatMap((path) => {
      const parentId = this.#parentId(path, ids);
      const record = parentId === undefined ? undefined : this.#read(parentId, path);
      return record === undefined ? [] : childrenOf(this.table, path, record.id);
    });
  }

  /**
   * Entries that the target holds below a directory, as far as known, also where digests don't count at the moment;
   * 0 when the path is no known directory. Counting ends at `atMost`.
   */
  entriesBelow(path: RelPath, atMost = Number.POSITIVE_INFINITY): number {
    const parentId = this.#parentId(path, new Map());
    const top = parentId === undefined ? undefined : this.#read(parentId, path);
    if (top === undefined) return 0;
    let count = 0;
    for (const records = [top]; count < atMost; ) {
      const record = records.pop();
      if (record === undefined) break;
      count += record.entries;
      const range = { start: encodeKey(record.id, ''), end: keyBehind(record.id) };
      for (const { value } of this.table.getRange(range)) records.push(decodeRecord(value));
    }
    return Math.min(count, atMost);
  }

  /**
   * Every directory that the target holds as far as known, parents before children, with the digest that was stored last,
   * also where it does not count at the moment. In steps, so that other work goes on.
   */
  async *all(): AsyncGenerator<{ readonly path: RelPath } & Required<KnownDirectory>> {
    const root = this.#read(aboveRoot, ROOT);
    const waiting = root === undefined ? [] : [{ path: ROOT, record: root }];
    let count = 0;
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { path, record } = next;
      yield { path, digest: record.digest, entries: record.entries };
      const range = { start: encodeKey(record.id, ''), end: keyBehind(record.id) };
      for (const { key, value } of this.table.getRange(range))
        waiting.push({ path: childPath(path, nameOf(key)), record: decodeRecord(value) });
      if (++count % stepSize === 0) await pause();
    }
  }

  /** Those of the paths that are directories the target holds, as far as known. */
  knownAmong(paths: Iterable<RelPath>): RelPath[] {
    const ids: DirectoryIds = new Map();
    return [...paths].filter((path) => this.#idOf(path, ids) !== undefined);
  }

  /** Removes the records that were cut off; in steps, so that other work goes on. @returns how many */
  sweep(): Promise<number> {
    return removeCutOff(this.table, this.writer);
  }

  #lacksMark(path: RelPath, mark: Mark, ids: DirectoryIds): boolean {
    const parentId = this.#parentId(path, ids);
    const record = parentId === undefined ? undefined : this.#read(parentId, path);
    if (record === undefined) return false;
    if (!this.#markedHere.has(path)) return true;
    return mark === 'suspect' ? !record.isSuspect : !record.isSuspect && !record.isChanging;
  }

  #mark(path: RelPath, mark: Mark): void {
    const parentId = this.#parentId(path, new Map());
    const record = parentId === undefined ? undefined : this.#read(parentId, path);
    if (parentId === undefined || record === undefined) return;
    const isFormer = (record.isChanging || record.isSuspect) && !this.#markedHere.has(path);
    this.#put(parentId, path, {
      ...record,
      // What a former process left suspect is void for good.
      id: this.#isUsable(record, path) ? record.id : this.writer.newId(),
      isUnknown: record.isUnknown || isFormer,
      isChanging: true,
      isSuspect: mark === 'suspect' || (record.isSuspect && !isFormer),
    });
    this.#markedHere.add(path);
  }

  #store(directory: AcknowledgedDirectory, ids: DirectoryIds, isDoubtful: (path: RelPath) => boolean): void {
    const { path, digest, entries, coverage } = directory;
    const isUnknown = digest === unknownDigest;
    if ((isUnknown && coverage !== 'tree') || !isStorableName(lastName(path))) return;
    const parent = parentOf(path);
    const parentId =
      parent === undefined
        ? aboveRoot
        : coverage === 'entries'
          ? this.#soundId(parent)
          : this.#usableId(parent, ids, isDoubtful);
    if (parentId === undefined) return;
    const known = this.#read(parentId, path);
    if (coverage === 'entries' && (known === undefined || !this.#isKnown(known, path))) return;
    const isKept = coverage !== 'tree' && known !== undefined && this.#isUsable(known, path);
    const id = isKept ? known.id : this.writer.newId();
    // Of a directory that is not known nothing is certain but that it is a new one.
    const isSuspect = isUnknown && known?.isSuspect === true && this.#markedHere.has(path);
    this.#put(parentId, path, { id, digest, entries, isUnknown, isChanging: false, isSuspect });
    if (!isSuspect) this.#markedHere.delete(path);
    ids.set(path, id);
  }

  /** The id of a directory, if what is stored below it counts or will do so within this process' life. */
  #soundId(path: RelPath): number | undefined {
    const parent = parentOf(path);
    const parentId = parent === undefined ? aboveRoot : this.#soundId(parent);
    const record = parentId === undefined ? undefined : this.#read(parentId, path);
    return record !== undefined && this.#isUsable(record, path) ? record.id : undefined;
  }

  /** The same; where there is none, the directory gets a new record that says nothing but where its children are. */
  #usableId(path: RelPath, ids: DirectoryIds, isDoubtful: (path: RelPath) => boolean): number | undefined {
    const found = ids.get(path);
    if (found !== undefined) return found;
    if (!isStorableName(lastName(path))) return undefined;
    const parent = parentOf(path);
    const parentId = parent === undefined ? aboveRoot : this.#usableId(parent, ids, isDoubtful);
    if (parentId === undefined) return undefined;
    const record = this.#read(parentId, path);
    if (record !== undefined && this.#isUsable(record, path)) {
      ids.set(path, record.id);
      return record.id;
    }
    if (isDoubtful(path)) return undefined;
    const id = this.writer.newId();
    const { digest, entries } = record ?? { digest: unknownDigest, entries: 0 };
    this.#put(parentId, path, { id, digest, entries, isUnknown: true, isChanging: false, isSuspect: false });
    ids.set(path, id);
    return id;
  }

  /** Whether what is stored below the directory counts, or will as soon as this process resolved its mark. */
  #isUsable(record: DigestRecord, path: RelPath): boolean {
    return !record.isSuspect || this.#markedHere.has(path);
  }

  /** Whether all entries of the directory had been acknowledged but for what this process sent since. */
  #isKnown({ isUnknown, isChanging, isSuspect }: DigestRecord, path: RelPath): boolean {
    return !isUnknown && ((!isChanging && !isSuspect) || this.#markedHere.has(path));
  }

  /** The id under which the directory's own record stands, whether or not it counts. */
  #parentId(path: RelPath, ids: DirectoryIds): number | undefined {
    const parent = parentOf(path);
    return parent === undefined ? aboveRoot : this.#idOf(parent, ids);
  }

  #idOf(path: RelPath, ids: DirectoryIds): number | undefined {
    if (ids.has(path)) return ids.get(path);
    const parentId = this.#parentId(path, ids);
    const id = parentId === undefined ? undefined : this.#read(parentId, path)?.id;
    ids.set(path, id);
    return id;
  }

  #read(parentId: number, path: RelPath): DigestRecord | undefined {
    const bytes = this.table.getBinaryFast(encodeKey(parentId, lastName(path)));
    return bytes === undefined ? undefined : decodeRecord(bytes);
  }

  #put(parentId: number, path: RelPath, record: DigestRecord): void {
    this.table.put(encodeKey(parentId, lastName(path)), encodeRecord(record));
  }
}
