import type { Change, Sequence } from '../core/change.js';

export interface LoggedChange extends Change {
  readonly sequence: Sequence;
  /** When it was logged, ms since the epoch. */
  readonly at: number;
}

/** What a cursor reads from; see `ChangeLog`. */
export interface ReadableLog {
  /** The newest sequence. */
  readonly head: Sequence;
  /** Changes up to here may have been dropped. */
  readonly evictedThrough: Sequence;
  readAfter(position: Sequence, limit: number): LoggedChange[];
  countAfter(position: Sequence): number;
  oldestAfter(position: Sequence): number | undefined;
  /** Drops what every cursor has read. */
  trim(): void;
  closeCursor(cursor: Cursor): void;
}

/**
 * How far one target has read the log. What was read is the target's to keep until it is acknowledged. Expired means
 * that changes behind the position were dropped unread; the cure is a reconcile, after {@link Cursor.renew}.
 */
export class Cursor {
  constructor(
    private readonly log: ReadableLog,
    private readAt: Sequence,
  ) {}

  /** Everything up to this sequence was read. */
  get position(): Sequence {
    return this.readAt;
  }

  /** Sequence of the newest change, read or not. */
  get head(): Sequence {
    return this.log.head;
  }

  get isExpired(): boolean {
    return this.readAt < this.log.evictedThrough;
  }

  /** Changes that wait to be read. */
  get lag(): number {
    return this.log.countAfter(this.readAt);
  }

  /** When the oldest unread change was logged, ms since the epoch. */
  get oldestUnreadAt(): number | undefined {
    return this.log.oldestAfter(this.readAt);
  }

  /** The next changes, at most `limit`, oldest first. They count as read. */
  read(limit: number): LoggedChange[] {
    const changes = this.log.readAfter(this.readAt, limit);
    const last = changes.at(-1);
    // Fewer than asked for: the rest up to the head are gaps.
    this.readAt = changes.length === limit && last !== undefined ? last.sequence : this.log.head;
    this.log.trim();
    return changes;
  }

  /** What waits to be read, without reading it; at most `limit` changes. */
  peek(limit: number): LoggedChange[] {
    return this.log.readAfter(this.readAt, limit);
  }

  /** Goes on from the head: whatever was missed is found by a reconcile that begins after this call. */
  renew(): void {
    this.readAt = this.log.head;
    this.log.trim();
  }

  close(): void {
    this.log.closeCursor(this);
  }
}
