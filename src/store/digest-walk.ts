import { parentOf, type RelPath, ROOT } from '../core/path.js';
import { aboveRoot, decodeRecord, encodeKey, keyBehind, nameOf, writeKey } from './digest-record.js';
import type { StoreWriter, Table } from './store-file.js';

/** What is known of a directory at the target. */
export interface KnownDirectory {
  /** What the target acknowledged; `undefined` when that is not certain. */
  readonly digest: string | undefined;
  /** Entries that the target holds in it, as far as known. */
  readonly entries: number;
}

/** Where the records of a directory's subdirectories stand, and whether nothing below it counts. */
export interface DigestPlace {
  readonly id: number;
  readonly isVoid: boolean;
}

export interface FoundDirectory extends KnownDirectory, DigestPlace {}

/** A look at the digests of one target, from the root down. */
export class DigestWalk {
  /** The place of the root's record, whose name is empty. */
  readonly top: DigestPlace = { id: aboveRoot, isVoid: false };
  #found = 0;
  readonly #places = new Map<RelPath, DigestPlace>();
  /** By their length: a key is used up when it was looked for. */
  readonly #keys: Buffer[] = [];

  constructor(
    private readonly table: Table,
    private readonly store: Pick<StoreWriter, 'isLost'>,
  ) {}

  /** Records found so far, also those that don't count. */
  get found(): number {
    return this.#found;
  }

  /** What is known of a directory; the one above it must have been looked up so before. */
  get(path: RelPath): KnownDirectory | undefined {
    const parent = parentOf(path);
    const above = parent === undefined ? this.top : this.#places.get(parent);
    const found = above === undefined ? undefined : this.find(above, lastName(path));
    if (found === undefined) return undefined;
    this.#places.set(path, found);
    return { digest: found.digest, entries: found.entries };
  }

  /** The same by the place of the directory above, for those who look at very many. */
  find(above: DigestPlace, name: string): FoundDirectory | undefined {
    const bytes = this.table.getBinaryFast(this.#key(above.id, name));
    if (bytes === undefined) return undefined;
    this.#found++;
    const { id, digest, entries, isUnknown, isChanging, isSuspect } = decodeRecord(bytes);
    const isVoid = above.isVoid || isSuspect || this.store.isLost;
    return { id, isVoid, digest: isVoid || isUnknown || isChanging ? undefined : digest, entries };
  }

  /** The subdirectories of a directory that was found for which records are held. */
  children(path: RelPath, { id }: DigestPlace): RelPath[] {
    return childrenOf(this.table, path, id);
  }

  #key(parentId: number, name: string): Buffer {
    const key = this.#keys[name.length] ?? encodeKey(0, name);
    this.#keys[name.length] = key;
    writeKey(key, parentId, name);
    return key;
  }
}

/** The subdirectories of a directory for which records are held. @param id of its record */
export const childrenOf = (table: Table, path: RelPath, id: number): RelPath[] => [
  ...table
    .getKeys({ start: encodeKey(id, ''), end: keyBehind(id) })
    .map((key) => childPath(path, nameOf(key))),
];

export const childPath = (directory: RelPath, name: string): RelPath =>
  (directory === ROOT ? name : `${directory}/${name}`) as RelPath;

/** The name in its directory; of the root the empty one. */
export const lastName = (path: RelPath): string => path.slice(path.lastIndexOf('/') + 1);
