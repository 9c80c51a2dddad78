import type { RelPath } from '../core/path.js';
import type { PathClaims } from './path-claims.js';
import type { PendingChange } from './pending.js';

/** Directories that a target may lack or hold in another state, parents before children. Shared among targets. */
export interface DirectoryList {
  readonly paths: readonly RelPath[];
  /** Number of entries of each, same order. */
  readonly entries: Uint32Array;
}

/** Directories beside those already in flight that are looked at before the search for a batch is given up. */
const maxSkipped = 4096;

/** One target's way through the directories of a reconcile. */
export class ReconcileRun {
  #position = 0;
  /** Indexes that were in the way of a batch in flight; they are looked at first. */
  #skipped: number[] = [];
  /** Directories whose batch failed. */
  #returned: PendingChange[] = [];
  #done = 0;

  constructor(
    private readonly list: DirectoryList,
    /** ms since the epoch. */
    readonly startedAt: number,
    /** Since when the target may lack what it sends, ms since the epoch. */
    private readonly since = startedAt,
  ) {}

  get total(): number {
    return this.list.paths.length;
  }

  /** Directories that were delivered. */
  get done(): number {
    return this.#done;
  }

  /** Whether every directory was handed out. */
  get isExhausted(): boolean {
    return (
      this.#position >= this.list.paths.length && this.#skipped.length === 0 && this.#returned.length === 0
    );
  }

  /** A directory that has to wait for what is in flight; it is to be kept free for. */
  get blocked(): RelPath | undefined {
    const [index] = this.#skipped;
    return this.#returned[0]?.path ?? (index === undefined ? undefined : this.list.paths[index]);
  }

  /** The next directories that may run beside what is in flight, until they hold `maxEntries` entries. */
  take(claims: PathClaims, maxEntries: number): PendingChange[] {
    const batch = this.#returned.filter((change) => !claims.conflictsWith(change.path));
    this.#returned = this.#returned.filter((change) => claims.conflictsWith(change.path));
    if (batch.length > 0) return batch;

    let entries = 0;
    const take = (index: number): boolean => {
      const path = this.list.paths[index] as RelPath;
      if (claims.conflictsWith(path)) return false;
      batch.push({ kind: 'directory', path, at: this.since });
      // An empty directory costs a line of the list as well.
      entries += 1 + (this.list.entries[index] ?? 0);
      return true;
    };
    const stillSkipped: number[] = [];
    for (const index of this.#skipped) if (entries >= maxEntries || !take(index)) stillSkipped.push(index);
    while (
      entries < maxEntries &&
      this.#position < this.list.paths.length &&
      stillSkipped.length < maxSkipped
    ) {
      if (!take(this.#position)) stillSkipped.push(this.#position);
      this.#position++;
    }
    this.#skipped = stillSkipped;
    return batch;
  }

  /** Takes back directories whose batch was not delivered. */
  giveBack(changes: readonly PendingChange[]): void {
    this.#returned.push(...changes);
  }

  /** Counts directories as delivered. */
  delivered(count: number): void {
    this.#done += count;
  }
}
