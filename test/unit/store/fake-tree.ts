import { isInside, parentOf, type RelPath, ROOT } from '../../../src/core/path.js';
import type { ScannedDirectory } from '../../../src/watch/scan.js';
import { digestOf } from '../../support/digest-store.js';

/** `stamp`: content and ctime of a file, mode of a directory. */
export interface FakeEntry {
  readonly type: 'file' | 'directory';
  readonly inode: number;
  readonly stamp: number;
}

export const childOf = (directory: RelPath, name: string): RelPath =>
  (directory === ROOT ? name : `${directory}/${name}`) as RelPath;

/** Files and directories as far as replication is concerned. The root is always there. */
export class FakeTree {
  readonly entries = new Map<RelPath, FakeEntry>([[ROOT, { type: 'directory', inode: 1, stamp: 1 }]]);

  isDirectory(path: RelPath): boolean {
    return this.entries.get(path)?.type === 'directory';
  }

  has(path: RelPath): boolean {
    return this.entries.has(path);
  }

  set(path: RelPath, entry: FakeEntry): void {
    this.entries.set(path, entry);
  }

  /** The path and all beneath it. */
  beneath(path: RelPath): RelPath[] {
    return [...this.entries.keys()].filter((each) => each === path || isInside(each, path));
  }

  remove(path: RelPath): void {
    for (const each of this.beneath(path)) this.entries.delete(each);
  }

  move(from: RelPath, to: RelPath): void {
    for (const each of this.beneath(from)) {
      const entry = this.entries.get(each);
      this.entries.delete(each);
      if (entry !== undefined) this.entries.set((to + each.slice(from.length)) as RelPath, entry);
    }
  }

  children(directory: RelPath): RelPath[] {
    return [...this.entries.keys()].filter((path) => path !== ROOT && parentOf(path) === directory);
  }

  get directories(): RelPath[] {
    return [...this.entries].flatMap(([path, { type }]) => (type === 'directory' ? path : [])).sort();
  }

  /** As the addon digests it: a subdirectory by name, inode and mode, a file by its stamp too. */
  scan(directory: RelPath): ScannedDirectory {
    const children = this.children(directory).sort();
    const facts = children.map((path) => JSON.stringify([path, this.entries.get(path)]));
    return { path: directory, digest: digestOf(facts.join('\n')), entries: children.length };
  }

  /** Whether a directory holds the same entries in both, as far as a target can tell. */
  isSameDirectory(other: FakeTree, directory: RelPath): boolean {
    if (!this.isDirectory(directory) || !other.isDirectory(directory)) return false;
    const facts = (tree: FakeTree) =>
      tree
        .children(directory)
        .map((path) => `${path} ${tree.entries.get(path)?.type} ${tree.entries.get(path)?.stamp}`)
        .sort()
        .join('\n');
    return facts(this) === facts(other);
  }
}
