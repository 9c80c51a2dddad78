import { type Change, type ChangeKind, type Sequence, widerKind } from '../core/change.js';
import type { RelPath } from '../core/path.js';

export interface PendingChange extends Change {
  /** When it was first seen, ms since the epoch. */
  readonly at: number;
  /**
   * The oldest change of the log that it stands for; absent: not known, so that it counts as older than all. What does not
   * stand for any content has `Infinity`.
   */
  readonly sequence?: Sequence;
}

/** Changes that one target has read and not yet sent, in the order in which they came, one for each path. */
export class PendingChanges implements Iterable<PendingChange> {
  readonly #byPath = new Map<RelPath, PendingChange>();

  get size(): number {
    return this.#byPath.size;
  }

  /** When the oldest was first seen, ms since the epoch. It need not be the first: what a batch left came back later. */
  get oldestAt(): number | undefined {
    let oldest: number | undefined;
    for (const { at } of this.#byPath.values()) if (oldest === undefined || at < oldest) oldest = at;
    return oldest;
  }

  add(kind: ChangeKind, path: RelPath, at: number, sequence: Sequence = 0): void {
    const older = this.#byPath.get(path);
    // A known path keeps its place: it has waited longest.
    this.#byPath.set(path, {
      kind: older === undefined ? kind : widerKind(kind, older.kind),
      path,
      at: Math.min(at, older?.at ?? at),
      sequence: Math.min(sequence, older?.sequence ?? (older === undefined ? sequence : 0)),
    });
  }

  /** The same; a change that is new here is kept as it is. */
  put(change: PendingChange): void {
    if (this.#byPath.has(change.path)) this.add(change.kind, change.path, change.at, change.sequence);
    else this.#byPath.set(change.path, change);
  }

  delete(path: RelPath): boolean {
    return this.#byPath.delete(path);
  }

  has(path: RelPath): boolean {
    return this.#byPath.has(path);
  }

  get(path: RelPath): PendingChange | undefined {
    return this.#byPath.get(path);
  }

  clear(): void {
    this.#byPath.clear();
  }

  [Symbol.iterator](): Iterator<PendingChange> {
    return this.#byPath.values();
  }
}
