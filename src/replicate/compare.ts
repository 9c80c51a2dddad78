import { parentOf, type RelPath, ROOT } from '../core/path.js';
import type { DigestPlace, FoundDirectory, KnownDirectory } from '../store/digest-walk.js';
import type { TargetDigests } from '../store/target-digests.js';
import type { ScannedDirectory } from '../watch/scan.js';
import type { DirectoryList } from './reconcile.js';

export interface Comparison {
  /** The directories that the target may hold in another state. */
  readonly list: DirectoryList;
  /**
   * Entries that the target holds and the source has no more, at least, as far as known; for the delete guard.
   * Directories that were moved are not counted, nor what they hold; of single files it is not known that they moved.
   */
  readonly lostEntries: number;
  /** Entries that the target holds, as far as known. */
  readonly heldEntries: number;
  /** Entries of the source. */
  readonly sourceEntries: number;
  /** Whether there are records that can't be reached any more; `TargetDigests.sweep` frees their room. */
  readonly hasRemains: boolean;
}

/** Directories that are looked at without a pause. */
const stepSize = 4096;
const unreadable = '\0'.repeat(16);

/**
 * Compares the source with what a target acknowledged. What differs is noted as unknown, so that it is known for
 * certain only when the target acknowledged it as a whole.
 * @param scan every directory of the source with its digest, parents before children; a scan that began after the last
 *   moment of which changes may have been missed
 */
export const compareWithTarget = async (
  scan: readonly ScannedDirectory[],
  digests: Pick<TargetDigests, 'walk' | 'markUnknown' | 'size'>,
): Promise<Comparison> => {
  const walk = digests.walk();
  const { parents, names } = outlineOf(scan);
  const found: (FoundDirectory | undefined)[] = [];
  const different: ScannedDirectory[] = [];
  const known: Known[] = [];
  const losses = new Losses();
  let heldEntries = 0;
  let sourceEntries = 0;
  for (const [index, directory] of scan.entries()) {
    const above = directory.path === ROOT ? walk.top : found[parents[index] ?? nowhere];
    const record = above === undefined ? undefined : walk.find(above, names[index] ?? '');
    found.push(record);
    heldEntries += record?.entries ?? 0;
    sourceEntries += directory.entries;
    if (record?.digest === undefined || record.digest !== directory.digest) {
      different.push(directory);
      if (record === undefined) losses.appeared(directory);
      else if (directory.digest !== unreadable) {
        known.push({ path: directory.path, place: record });
        losses.shrunk(directory.path, record.entries - directory.entries);
      }
    }
    if (index % stepSize === stepSize - 1) await pause();
  }
  // Only a directory whose digest changed can have lost a subdirectory.
  const vanished = childrenLost(walk, known, scan);
  for (let lost = vanished.pop(); lost !== undefined; lost = vanished.pop()) {
    const { path, place } = lost;
    const record = walk.find(place, nameOf(path));
    if (record === undefined) continue;
    heldEntries += record.entries;
    losses.vanished(path, record);
    for (const child of walk.children(path, record)) vanished.push({ path: child, place: record });
  }
  digests.markUnknown(known.map(({ path }) => path));
  return {
    list: levelByLevel(different),
    lostEntries: losses.count,
    heldEntries,
    sourceEntries,
    hasRemains: digests.size > walk.found,
  };
};

const pause = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A directory, and where its record stands: for one that is lost, that of the directory above. */
interface Known {
  readonly path: RelPath;
  readonly place: DigestPlace;
}

const childrenLost = (
  walk: ReturnType<TargetDigests['walk']>,
  directories: readonly Known[],
  scan: readonly ScannedDirectory[],
): Known[] => {
  const children = directories.flatMap(({ path, place }) =>
    walk.children(path, place).map((child) => ({ path: child, place })),
  );
  if (children.length === 0) return children;
  const scanned = new Set(scan.map(({ path }) => path));
  return children.filter(({ path }) => !scanned.has(path));
};

/** What the comparisons of a scan with all targets share. */
interface Outline {
  /** For each directory the index of the one above it, or {@link nowhere}. */
  readonly parents: Int32Array;
  readonly names: readonly string[];
}

const nowhere = -1;
const outlines = new WeakMap<readonly ScannedDirectory[], Outline>();

const outlineOf = (scan: readonly ScannedDirectory[]): Outline => {
  const known = outlines.get(scan);
  if (known !== undefined) return known;
  const indexes = new Map<RelPath, number>();
  const parents = new Int32Array(scan.length);
  for (const [index, { path }] of scan.entries()) {
    indexes.set(path, index);
    const parent = parentOf(path);
    parents[index] = (parent === undefined ? undefined : indexes.get(parent)) ?? nowhere;
  }
  const outline = { parents, names: scan.map(({ path }) => nameOf(path)) };
  outlines.set(scan, outline);
  return outline;
};

const nameOf = (path: RelPath): string => path.slice(path.lastIndexOf('/') + 1);

/** What a look at the whole source says about a target's losses. */
export interface Loss {
  /** Entries that the target holds and the source has no more; moved directories are not counted. */
  readonly lostEntries: number;
  readonly heldEntries: number;
  readonly sourceEntries: number;
}

/** How much of what a target holds the source has lost. Changes nothing, unlike {@link compareWithTarget}. */
export const lossOf = async (
  scan: readonly ScannedDirectory[],
  digests: Pick<TargetDigests, 'all'>,
): Promise<Loss> => {
  const now = new Map(scan.map((directory) => [directory.path, directory]));
  const gone: ({ readonly path: RelPath } & KnownDirectory)[] = [];
  const losses = new Losses();
  const known = new Set<RelPath>();
  let heldEntries = 0;
  for await (const directory of digests.all()) {
    const { path, entries } = directory;
    known.add(path);
    heldEntries += entries;
    const found = now.get(path);
    if (found === undefined) gone.push(directory);
    else if (found.digest !== unreadable) losses.shrunk(path, entries - found.entries);
  }
  let sourceEntries = 0;
  for (const directory of scan) {
    sourceEntries += directory.entries;
    if (!known.has(directory.path)) losses.appeared(directory);
  }
  for (const directory of gone) losses.vanished(directory.path, directory);
  return { lostEntries: losses.count, heldEntries, sourceEntries };
};

/** Counts entries that are gone. */
class Losses {
  /** How many each directory lost, at least. */
  readonly #lost = new Map<RelPath, number>();
  readonly #appeared = new Map<string, number>();

  shrunk(path: RelPath, entries: number): void {
    this.#lost.set(path, Math.max(0, entries));
  }

  appeared({ digest }: ScannedDirectory): void {
    this.#appeared.set(digest, (this.#appeared.get(digest) ?? 0) + 1);
  }

  /** After all that appeared is known, parents before children. */
  vanished(path: RelPath, { digest, entries }: KnownDirectory): void {
    const alike = digest === undefined ? 0 : (this.#appeared.get(digest) ?? 0);
    if (digest === undefined || alike === 0) {
      this.#lost.set(path, entries);
      return;
    }
    // A directory with the same entries, down to their inodes, appeared elsewhere: it was moved, and so was its name.
    this.#appeared.set(digest, alike - 1);
    const parent = parentOf(path) ?? path;
    this.#lost.set(parent, Math.max(0, (this.#lost.get(parent) ?? 0) - 1));
  }

  get count(): number {
    let count = 0;
    for (const lost of this.#lost.values()) count += lost;
    return count;
  }
}

/** Level by level: neighbours in the list are then seldom above each other, so that batches of it can run side by side. */
export const levelByLevel = (directories: readonly ScannedDirectory[]): DirectoryList => {
  const levels: ScannedDirectory[][] = [];
  for (const directory of directories) {
    let level = 0;
    for (let above = parentOf(directory.path); above !== undefined; above = parentOf(above)) level++;
    levels[level] ??= [];
    levels[level]?.push(directory);
  }
  const ordered = levels.flat();
  return {
    paths: ordered.map(({ path }) => path),
    entries: Uint32Array.from(ordered, ({ entries }) => entries),
  };
};
