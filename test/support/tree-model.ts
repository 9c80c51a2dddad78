import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import type { Change } from '../../src/core/change.js';
import { bytesOf } from './temp-tree.js';

/** What is at one path, and below it. */
interface Entry {
  /** Everything about it that a target must have as well. */
  look: string;
  /** Only of a directory. */
  readonly below: Map<string, Entry> | undefined;
}

const read = (root: string, path: string): Entry | undefined => {
  const at = bytesOf(root, path);
  const stat = lstatSync(at, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  const content = stat.isSymbolicLink() ? readlinkSync(at, 'latin1') : stat.isDirectory() ? '' : stat.size;
  const look = [stat.mode.toString(8), stat.uid, stat.gid, stat.rdev, stat.mtimeNs, content].join(' ');
  if (!stat.isDirectory()) return { look, below: undefined };
  const below = new Map<string, Entry>();
  for (const bytes of readdirSync(at, { encoding: 'buffer' }) as unknown as Buffer[]) {
    const name = bytes.toString('latin1');
    const entry = read(root, path === '' ? name : `${path}/${name}`);
    if (entry !== undefined) below.set(name, entry);
  }
  return { look, below };
};

/** A picture of a tree, to which changes can be replicated by the rules of the transfer. */
export class TreeModel {
  #root: Entry;

  constructor(root: string) {
    const entry = read(root, '');
    if (entry === undefined) throw new Error(`${root} is not there`);
    this.#root = entry;
  }

  /** Brings what the changes name to the state that it has in the source. */
  replicate(changes: readonly Change[], source: TreeModel): void {
    for (const { kind, path } of changes) this.#replicateOne(kind, path, source);
  }

  /** One line for each path that differs. */
  differences(other: TreeModel): string[] {
    const found: string[] = [];
    const compare = (path: string, a: Entry | undefined, b: Entry | undefined): void => {
      if (a?.look !== b?.look) found.push(`${path}: ${a?.look ?? 'none'} | ${b?.look ?? 'none'}`);
      for (const name of new Set([...(a?.below?.keys() ?? []), ...(b?.below?.keys() ?? [])]))
        compare(`${path}/${name}`, a?.below?.get(name), b?.below?.get(name));
    };
    compare('', this.#root, other.#root);
    return found;
  }

  /** Paths of all directories, the root as the empty one. */
  directories(): string[] {
    const found: string[] = [];
    const collect = (path: string, entry: Entry): void => {
      if (entry.below === undefined) return;
      found.push(path);
      for (const [name, child] of entry.below) collect(path === '' ? name : `${path}/${name}`, child);
    };
    collect('', this.#root);
    return found;
  }

  #replicateOne(kind: Change['kind'], path: string, source: TreeModel): void {
    let here = this.#root;
    let there = source.#root;
    here.look = there.look;
    for (const name of path === '' ? [] : path.split('/')) {
      // What stands in the place of a directory above is sent instead.
      const wanted = there.below?.get(name);
      if (wanted === undefined || here.below === undefined) {
        here.below?.delete(name);
        return;
      }
      here = takeOver(here.below, name, wanted);
      there = wanted;
    }
    if (kind !== 'entry') copyContents(here, there, kind === 'tree');
  }
}

/** The entry alone: a directory keeps what it has, and is empty when it was none. */
const takeOver = (into: Map<string, Entry>, name: string, wanted: Entry): Entry => {
  const old = into.get(name);
  const below = wanted.below === undefined ? undefined : (old?.below ?? new Map<string, Entry>());
  const entry = { look: wanted.look, below };
  into.set(name, entry);
  return entry;
};

const copyContents = (here: Entry, there: Entry, isDeep: boolean): void => {
  if (here.below === undefined || there.below === undefined) return;
  for (const name of here.below.keys()) if (!there.below.has(name)) here.below.delete(name);
  for (const [name, wanted] of there.below) {
    const entry = takeOver(here.below, name, wanted);
    if (isDeep) copyContents(entry, wanted, true);
  }
};
