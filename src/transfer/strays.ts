import { lstatSync, readlinkSync } from 'node:fs';
import type { Change } from '../core/change.js';
import { ancestorsOf, asRelPath, neighboursParent, parentOf, type RelPath, ROOT } from '../core/path.js';
import type { ItemizedLine } from './itemized.js';

/** Directories that were looked at and are remembered. */
const maxKnown = 10_000;

/**
 * Notices when rsync leaves the source. It opens a directory by its name some time after it was found to be one; if that
 * has become a symbolic link by then, rsync sends what the link leads to, be it the whole machine. The receiver has the
 * link by then as well, follows it likewise, and writes what belongs below it to where it leads.
 */
export class Strays {
  readonly #links = new Map<RelPath, string>();
  readonly #landed = new Set<RelPath>();

  /** @param rootFd the source root, open for as long as a run is watched */
  constructor(private readonly rootFd: number) {}

  /**
   * Where the receiver may have written instead, as far as that lies in the tree: what was told, and what was to be sent,
   * for a run that is ended does not tell all.
   */
  landed(changes: Iterable<Change>): Change[] {
    const found: Change[] = Array.from(this.#landed, (path) => ({ kind: 'entry', path }));
    for (const { kind, path } of this.#links.size === 0 ? [] : changes)
      for (const [link, to] of this.#links) {
        const landed = path === link || path.startsWith(`${link}/`) ? placeBehind(link, to, path) : undefined;
        if (landed !== undefined) found.push({ kind, path: landed });
      }
    return found;
  }

  /** Whether an item of a run went astray, to be asked for each of them. */
  detector({ isDry }: { readonly isDry: boolean }): (item: ItemizedLine) => boolean {
    const sound = new Set<RelPath>([ROOT]);
    const parentOfNext = neighboursParent();
    return ({ what, path, isDirectory }) => {
      if (what === '*deleting') return false;
      const own = asRelPath(path);
      const directory = isDirectory ? own : (parentOfNext(own) ?? own);
      if (sound.has(directory)) return false;
      const link = this.#topmostLink(directory);
      if (link === undefined) {
        if (sound.size >= maxKnown) sound.clear();
        sound.add(directory);
        return false;
      }
      if (isDry) return true;
      this.#links.set(link.path, link.to);
      const landed = placeBehind(link.path, link.to, own);
      if (landed !== undefined) this.#landed.add(landed);
      return true;
    };
  }

  #topmostLink(directory: RelPath): { readonly path: RelPath; readonly to: string } | undefined {
    for (const path of [directory, ...ancestorsOf(directory)].reverse()) {
      const bytes = Buffer.from(`/proc/self/fd/${this.rootFd}/${path}`, 'latin1');
      try {
        if (path === ROOT || lstatSync(bytes, { throwIfNoEntry: false })?.isSymbolicLink() !== true) continue;
        return { path, to: readlinkSync(bytes, 'latin1') };
      } catch {
        // Too long to be looked at, or gone meanwhile.
      }
    }
    return undefined;
  }
}

/**
 * Where a path below a symbolic link is, by the link's words; an absolute one is taken from the root, as a daemon that
 * changes its root does. `undefined` when that is outside.
 */
export const placeBehind = (link: RelPath, to: string, path: RelPath): RelPath | undefined => {
  const names = to.startsWith('/') ? [] : (parentOf(link) ?? ROOT).split('/').filter((name) => name !== '');
  for (const name of `${to}${path.slice(link.length)}`.split('/')) {
    if (name === '' || name === '.') continue;
    if (name !== '..') names.push(name);
    else if (names.pop() === undefined && !to.startsWith('/')) return undefined;
  }
  return asRelPath(names.join('/'));
};
