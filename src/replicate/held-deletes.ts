import { type Change, type ChangeKind, isWide } from '../core/change.js';
import { liesBelow, parentOf, type RelPath } from '../core/path.js';
import { type PendingChange, PendingChanges } from './pending.js';

/** More paths than this are folded: then whole directories wait for their deletes instead of the names in them. */
const maxPaths = 50_000;

/**
 * What is gone at the source and waits to be deleted at one target: gone paths, and directories of which it is only known
 * that something in them may be to delete. While a directory is being removed its contents are held first and it itself
 * last, so that what lies below another gone path is left out.
 */
export class HeldDeletes implements Iterable<PendingChange> {
  readonly #changes = new PendingChanges();
  /** Entries that each stands for. */
  readonly #entries = new Map<RelPath, number>();
  /** Looked through again when there are as many. */
  #compactAt = 1_000;

  get size(): number {
    return this.#changes.size;
  }

  kindOf(path: RelPath): ChangeKind | undefined {
    return this.#changes.get(path)?.kind;
  }

  /** Entries of the target that they stand for, as far as known. */
  get entries(): number {
    let sum = 0;
    for (const count of this.#entries.values()) sum += count;
    return sum;
  }

  /** @param entries what each stands for, same order */
  add(changes: readonly PendingChange[], entries: readonly number[]): void {
    for (const [index, { kind, path, at }] of changes.entries()) {
      this.#changes.add(kind, path, at);
      this.#entries.set(path, entries[index] ?? 1);
    }
    if (this.#changes.size < this.#compactAt) return;
    this.#dropCovered();
    if (this.#changes.size > maxPaths) this.#fold();
    this.#compactAt = Math.max(1_000, 2 * this.#changes.size);
  }

  /** A batch took these to the target as they are now: what is still to delete in them comes anew. */
  delivered(changes: readonly Change[]): void {
    if (this.#changes.size === 0) return;
    const directories = new Set<RelPath>();
    const trees = new Set<RelPath>();
    for (const { kind, path } of changes) {
      this.#delete(path);
      if (kind === 'directory') directories.add(path);
      if (kind === 'tree') trees.add(path);
    }
    if (directories.size === 0 && trees.size === 0) return;
    for (const { path } of [...this.#changes]) {
      const parent = parentOf(path);
      if ((parent !== undefined && directories.has(parent)) || liesBelow(path, trees)) this.#delete(path);
    }
  }

  clear(): void {
    this.#changes.clear();
    this.#entries.clear();
  }

  /** Each path once, without those that lie below another one. */
  *[Symbol.iterator](): Iterator<PendingChange> {
    this.#dropCovered();
    yield* this.#changes;
  }

  #dropCovered(): void {
    const gone = new Set<RelPath>();
    for (const { kind, path } of this.#changes) if (kind !== 'directory') gone.add(path);
    for (const { path } of [...this.#changes]) if (liesBelow(path, gone)) this.#delete(path);
  }

  #delete(path: RelPath): void {
    this.#changes.delete(path);
    this.#entries.delete(path);
  }

  #fold(): void {
    for (const { kind, path, at } of [...this.#changes]) {
      if (isWide(kind)) continue;
      const above = parentOf(path) ?? path;
      const entries = (this.#entries.get(above) ?? 0) + (this.#entries.get(path) ?? 1);
      this.#delete(path);
      this.#changes.add('directory', above, at);
      this.#entries.set(above, entries);
    }
  }
}
