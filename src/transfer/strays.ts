import { lstatSync } from 'node:fs';
import { ancestorsOf, asRelPath, parentOf, type RelPath } from '../core/path.js';
import type { ItemizedLine } from './itemized.js';

/** Directories that were looked at and are remembered. */
const maxKnown = 10_000;

/**
 * Tells whether rsync left the source: it opens a directory by its name some time after it was found to be one, and if
 * that has become a symbolic link by then, rsync sends what the link leads to, be it the whole machine. Asked for each
 * item that is sent.
 * @param rootFd the source root, open for as long as it is asked
 */
export const strayDetector = (rootFd: number): ((item: ItemizedLine) => boolean) => {
  const sound = new Set<RelPath>(['' as RelPath]);
  const isLink = (path: RelPath): boolean => {
    const bytes = Buffer.from(`/proc/self/fd/${rootFd}/${path}`, 'latin1');
    try {
      return lstatSync(bytes, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    } catch {
      return false; // Too long to be looked at.
    }
  };
  return ({ what, path, isDirectory }) => {
    if (what === '*deleting') return false;
    const own = asRelPath(path);
    const directory = isDirectory ? own : (parentOf(own) ?? own);
    if (sound.has(directory)) return false;
    for (const above of [directory, ...ancestorsOf(directory)]) if (isLink(above)) return true;
    if (sound.size >= maxKnown) sound.clear();
    sound.add(directory);
    return false;
  };
};
