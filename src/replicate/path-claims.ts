import { ancestorsOf, type RelPath } from '../core/path.js';

/**
 * The paths of the batches in flight to one target. Two batches may run side by side only when no path of one is the
 * same as, above or below a path of the other: a deleting rsync removes the other's temporary files, and what is sent
 * below a directory that is being deleted comes back to life.
 */
export class PathClaims {
  readonly #claimed = new Map<RelPath, number>();
  /** Directory -> how many claimed paths lie below it. */
  readonly #below = new Map<RelPath, number>();

  get isEmpty(): boolean {
    return this.#claimed.size === 0;
  }

  conflictsWith(path: RelPath): boolean {
    if (this.#claimed.size === 0) return false;
    if (this.#claimed.has(path) || this.#below.has(path)) return true;
    for (const ancestor of ancestorsOf(path)) if (this.#claimed.has(ancestor)) return true;
    return false;
  }

  /** Whether a claimed path lies below the directory. */
  hasBelow(directory: RelPath): boolean {
    return this.#below.has(directory);
  }

  claim(path: RelPath): void {
    add(this.#claimed, path, 1);
    for (const ancestor of ancestorsOf(path)) add(this.#below, ancestor, 1);
  }

  /** Takes back one {@link claim} of the path. */
  release(path: RelPath): void {
    add(this.#claimed, path, -1);
    for (const ancestor of ancestorsOf(path)) add(this.#below, ancestor, -1);
  }
}

const add = (counts: Map<RelPath, number>, key: RelPath, by: number): void => {
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
};
