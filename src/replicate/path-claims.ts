import { neighboursParent, parentOf, type RelPath } from '../core/path.js';

/**
 * The paths of the batches in flight to one target. Two batches may run side by side only when no path of one is the
 * same as, above or below a path of the other: a deleting rsync removes the other's temporary files, and what is sent
 * below a directory that is being deleted comes back to life.
 */
export class PathClaims {
  readonly #claimed = new Map<RelPath, number>();
  /** Directory -> how many claimed paths, and how many directories that have a count themselves, lie directly in it. */
  readonly #within = new Map<RelPath, number>();
  /** Directory -> whether it or one above it is claimed; forgotten when that may have changed. */
  readonly #underClaim = new Map<RelPath, boolean>();
  readonly #parentOf = neighboursParent();

  get isEmpty(): boolean {
    return this.#claimed.size === 0;
  }

  conflictsWith(path: RelPath): boolean {
    if (this.#claimed.size === 0) return false;
    if (this.#claimed.has(path) || this.#within.has(path)) return true;
    const parent = this.#parentOf(path);
    return parent !== undefined && this.#liesUnderClaim(parent);
  }

  /** Whether a claimed path lies below the directory. */
  hasBelow(directory: RelPath): boolean {
    return this.#within.has(directory);
  }

  claim(path: RelPath): void {
    if (add(this.#claimed, path, 1) > 1) return;
    this.#forgetUnderClaim();
    // Only the first within a directory tells those above it.
    let parent = this.#parentOf(path);
    while (parent !== undefined && add(this.#within, parent, 1) === 1) parent = parentOf(parent);
  }

  /** Takes back one {@link claim} of the path. */
  release(path: RelPath): void {
    if (add(this.#claimed, path, -1) > 0) return;
    this.#forgetUnderClaim();
    let parent = this.#parentOf(path);
    while (parent !== undefined && add(this.#within, parent, -1) === 0) parent = parentOf(parent);
  }

  #forgetUnderClaim(): void {
    // Emptying an empty map takes as long as making one, and this is asked for each path of a batch.
    if (this.#underClaim.size > 0) this.#underClaim.clear();
  }

  #liesUnderClaim(directory: RelPath): boolean {
    const known = this.#underClaim.get(directory);
    if (known !== undefined) return known;
    const parent = parentOf(directory);
    const is = this.#claimed.has(directory) || (parent !== undefined && this.#liesUnderClaim(parent));
    this.#underClaim.set(directory, is);
    return is;
  }
}

/** @returns the new count */
const add = (counts: Map<RelPath, number>, key: RelPath, by: number): number => {
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
  return count;
};
