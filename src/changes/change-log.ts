import { type Change, type ChangeKind, type Sequence, widerKind } from '../core/change.js';
import type { RelPath } from '../core/path.js';
import { Cursor, type LoggedChange } from './cursor.js';

interface Entry extends LoggedChange {
  /** A newer change of the same path stands further back; this one is only a gap. */
  superseded: boolean;
}

/** What an entry takes beside its path: the object, its map slot and its array slot, roughly. */
const entryOverheadBytes = 160;
/** Below this many gaps, closing them is not worth the copy. */
const minGaps = 1024;

/**
 * Bounded, coalescing log of changes, read by one {@link Cursor} for each target. A path stands in it at most once, at
 * its newest change: a path that changes again moves to the end. What every live cursor has passed is trimmed. When the
 * log outgrows its limit the oldest changes go all the same, and a cursor that had not read them is expired.
 */
export class ChangeLog {
  /** In the order of their sequence; gaps are closed now and then. */
  #entries: Entry[] = [];
  /** Index of the first entry that is still wanted. */
  #start = 0;
  #gaps = 0;
  #bytes = 0;
  #head: Sequence = 0;
  #evicted: Sequence = 0;
  #pinned: Sequence = 0;
  readonly #byPath = new Map<RelPath, Entry>();
  readonly #cursors = new Set<Cursor>();

  constructor(
    /** Bytes that the log may take, by a rough count. */
    private readonly limitBytes: number,
    private readonly now: () => number = Date.now,
  ) {}

  /** Sequence of the newest change; 0 while there is none. */
  get head(): Sequence {
    return this.#head;
  }

  /** Changes that can still be read. */
  get size(): number {
    return this.#byPath.size;
  }

  /** Bytes taken, by the same rough count as the limit. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Changes up to this sequence may have been dropped unread. */
  get evictedThrough(): Sequence {
    return this.#evicted;
  }

  /**
   * Changes up to this sequence keep their place from now on: a path that changes again is in the log twice. So whoever has
   * read up to there has met each of them. 0: none is kept.
   */
  pin(through: Sequence): void {
    this.#pinned = through;
  }

  /** The newest change up to `through` that can still be read and for which `matches` holds; 0 when there is none. */
  lastMatching(through: Sequence, matches: (change: Change) => boolean): Sequence {
    for (let i = this.#indexAfter(through) - 1; i >= this.#start; i--) {
      const entry = this.#entries[i];
      if (entry !== undefined && !entry.superseded && matches(entry)) return entry.sequence;
    }
    return 0;
  }

  append(kind: ChangeKind, path: RelPath): Sequence {
    const sequence = ++this.#head;
    // Nobody reads: the position alone counts.
    if (this.#cursors.size === 0) return sequence;
    const older = this.#byPath.get(path);
    if (older !== undefined && older.sequence > this.#pinned) {
      older.superseded = true;
      this.#gaps++;
      this.#bytes -= costOf(older);
    }
    const entry: Entry = {
      kind: older === undefined ? kind : widerKind(kind, older.kind),
      path,
      sequence,
      at: this.now(),
      superseded: false,
    };
    this.#byPath.set(path, entry);
    this.#entries.push(entry);
    this.#bytes += costOf(entry);
    if (this.#bytes > this.limitBytes) this.#evict();
    if (this.#gaps > minGaps && this.#gaps > this.#byPath.size) this.#closeGaps();
    return sequence;
  }

  /** A new reader that has seen all up to now. */
  openCursor(): Cursor {
    const cursor = new Cursor(this, this.#head);
    this.#cursors.add(cursor);
    return cursor;
  }

  closeCursor(cursor: Cursor): void {
    this.#cursors.delete(cursor);
    this.trim();
  }

  /** The first `limit` changes behind `position`, oldest first. */
  readAfter(position: Sequence, limit: number): LoggedChange[] {
    const found: LoggedChange[] = [];
    for (let i = this.#indexAfter(position); i < this.#entries.length && found.length < limit; i++) {
      const entry = this.#entries[i];
      if (entry !== undefined && !entry.superseded) found.push(entry);
    }
    return found;
  }

  /** How many changes lie behind `position`; exact but for gaps that were not closed yet. */
  countAfter(position: Sequence): number {
    return Math.min(this.#byPath.size, this.#entries.length - this.#indexAfter(position));
  }

  /** When the oldest change behind `position` was logged, ms since the epoch. */
  oldestAfter(position: Sequence): number | undefined {
    return this.readAfter(position, 1)[0]?.at;
  }

  /** Forgets what every live cursor has passed. */
  trim(): void {
    let passed = this.#head;
    for (const cursor of this.#cursors) if (!cursor.isExpired) passed = Math.min(passed, cursor.position);
    this.#dropThrough(passed);
  }

  #evict(): void {
    // A quarter at once: cutting the oldest entry at every append would expire the cursors anew each time.
    const goal = this.limitBytes * 0.75;
    let i = this.#start;
    for (let bytes = this.#bytes; bytes > goal && i < this.#entries.length; i++) {
      const entry = this.#entries[i];
      if (entry !== undefined && !entry.superseded) {
        bytes -= costOf(entry);
        this.#evicted = entry.sequence;
      }
    }
    this.#dropThrough(this.#evicted);
    this.trim();
  }

  #dropThrough(sequence: Sequence): void {
    let i = this.#start;
    for (; i < this.#entries.length; i++) {
      const entry = this.#entries[i];
      if (entry === undefined || entry.sequence > sequence) break;
      if (entry.superseded) this.#gaps--;
      else {
        if (this.#byPath.get(entry.path) === entry) this.#byPath.delete(entry.path);
        this.#bytes -= costOf(entry);
      }
    }
    this.#start = i;
    if (this.#start > minGaps && this.#start * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#start);
      this.#start = 0;
    }
  }

  #closeGaps(): void {
    this.#entries = this.#entries.slice(this.#start).filter((entry) => !entry.superseded);
    this.#start = 0;
    this.#gaps = 0;
  }

  #indexAfter(position: Sequence): number {
    let low = this.#start;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.sequence ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const costOf = (entry: Change): number => entry.path.length + entryOverheadBytes;
