import { neighboursParent, type RelPath } from '../core/path.js';
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
/** Of a full batch. What rsync needs to start and to connect is then still little of it. */
const firstShare = 1 / 8;
const lastShare = 1 / 2;

/** One target's way through the directories of a reconcile. */
export class ReconcileRun {
  #position = 0;
  /** Indexes that were in the way of a batch in flight; they are looked at first. */
  #skipped: number[] = [];
  /** Directories whose batch failed. */
  #returned: PendingChange[] = [];
  #done = 0;
  /** Entries of the directories that were not handed out yet, and one for each of these. */
  #remaining: number;

  constructor(
    private readonly list: DirectoryList,
    /** ms since the epoch. */
    readonly startedAt: number,
    /** Since when the target may lack what it sends, ms since the epoch. */
    private readonly since = startedAt,
  ) {
    this.#remaining = list.entries.reduce((sum, entries) => sum + entries, list.paths.length);
  }

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

  /**
   * The next directories that may run beside what is in flight, until they hold `maxEntries` entries.
   * @param parallel batches that may be in flight together
   */
  take(claims: PathClaims, maxEntries: number, parallel: number): PendingChange[] {
    const batch = this.#returned.filter((change) => !claims.conflictsWith(change.path));
    this.#returned = this.#returned.filter((change) => claims.conflictsWith(change.path));
    if (batch.length > 0) return batch;

    const most = this.#share(maxEntries, parallel);
    // Nothing below what is in the first of several batches can run beside it, so that one stays small.
    const holdsUp = parallel > 1 && claims.isEmpty && this.#remaining > most;
    const mostWithParent = holdsUp ? most * firstShare : most;
    const taken = new Set<RelPath>();
    const parentOf = neighboursParent();
    let entries = 0;
    let isFull = false;
    const hasRoomFor = (index: number): boolean => {
      isFull ||= entries >= most;
      if (!isFull && entries >= mostWithParent) {
        const parent = parentOf(this.list.paths[index] as RelPath);
        isFull = parent !== undefined && taken.has(parent);
      }
      return !isFull;
    };
    const take = (index: number): boolean => {
      const path = this.list.paths[index] as RelPath;
      if (claims.conflictsWith(path)) return false;
      batch.push({ kind: 'directory', path, at: this.since });
      taken.add(path);
      entries += this.#cost(index);
      return true;
    };
    const stillSkipped: number[] = [];
    for (const index of this.#skipped) if (!hasRoomFor(index) || !take(index)) stillSkipped.push(index);
    while (
      this.#position < this.list.paths.length &&
      hasRoomFor(this.#position) &&
      stillSkipped.length < maxSkipped
    ) {
      if (!take(this.#position)) stillSkipped.push(this.#position);
      this.#position++;
    }
    this.#skipped = stillSkipped;
    this.#remaining -= entries;
    return batch;
  }

  /** The last batches get smaller, so that they end at about the same time. */
  #share(maxEntries: number, parallel: number): number {
    const even = Math.ceil(this.#remaining / parallel);
    return Math.min(maxEntries, Math.max(even, Math.ceil(maxEntries * lastShare)));
  }

  /** An empty directory costs a line of the list as well. */
  #cost(index: number): number {
    return 1 + (this.list.entries[index] ?? 0);
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
