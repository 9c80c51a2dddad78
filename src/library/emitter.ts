/** Called with each event of one name. */
export type Listener<Event> = (event: Event) => unknown;

/**
 * Calls listeners in the order of their registration, each on its own: what one throws, or rejects with, goes to `fault`
 * and to nobody else. (Node's EventEmitter passes it to the caller, here the replication itself.)
 */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();

  constructor(private readonly fault: (error: unknown, name: keyof Events) => void) {}

  add<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): void {
    const known = this.#listeners.get(name);
    if (known === undefined) this.#listeners.set(name, new Set([listener]));
    else known.add(listener);
  }

  remove<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): void {
    this.#listeners.get(name)?.delete(listener);
  }

  has(name: keyof Events): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])])
      void this.#call(listener as Listener<Events[Name]>, name, event);
  }

  async #call<Name extends keyof Events>(
    listener: Listener<Events[Name]>,
    name: Name,
    event: Events[Name],
  ): Promise<void> {
    try {
      await listener(event);
    } catch (error) {
      this.fault(error, name);
    }
  }
}
