import type { DaemonEvent } from '../daemon/activity.js';

type Held = { readonly type: 'held'; readonly target: string; readonly held: number };
type Told = DaemonEvent | Held;
type Delivered = Extract<DaemonEvent, { type: 'delivered' }>;

/** An event as it is sent; `at`: RFC 3339. */
export type SentEvent = { readonly at: string } & (
  | Told
  /** So many others happened, too many to be told. */
  | { readonly type: 'more'; readonly events: number }
);

/** More than this are counted only. */
const maxEvents = 100;

/** Gathers events until they are sent: the deliveries of a target become one, and there is a most for all. */
export class EventTally {
  #events: SentEvent[] = [];
  #left = 0;
  readonly #delivered = new Map<string, Delivered>();

  add(event: Told): void {
    if (event.type === 'delivered') {
      const before = this.#delivered.get(event.target);
      this.#delivered.set(event.target, before === undefined ? event : sumOf(before, event));
    } else if (this.#events.length >= maxEvents) this.#left++;
    else this.#events.push({ at: new Date().toISOString(), ...event });
  }

  /** @returns what was gathered since the last call */
  take(): SentEvent[] {
    const at = new Date().toISOString();
    const taken: SentEvent[] = [
      ...this.#events,
      ...(this.#left > 0 ? [{ at, type: 'more' as const, events: this.#left }] : []),
      ...Array.from(this.#delivered.values(), (event) => ({ at, ...event })),
    ];
    this.#events = [];
    this.#left = 0;
    this.#delivered.clear();
    return taken;
  }
}

const sumOf = (a: Delivered, b: Delivered): Delivered => ({
  ...a,
  paths: a.paths + b.paths,
  files: a.files + b.files,
  bytes: a.bytes + b.bytes,
  deleted: a.deleted + b.deleted,
});
