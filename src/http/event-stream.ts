import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Daemon, DaemonStatus } from '../daemon/status.js';
import { EventTally } from './event-tally.js';
import { RequestError } from './routes.js';

/** Pause between two messages, ms. */
const tickMs = 500;
/** A line without meaning after so long a silence: whoever went away without a word is noticed, ms. */
const silenceMs = 15_000;
/** Whoever has taken in less than it was sent by so much is let go, bytes. */
const maxUnreadBytes = 512 * 1024;

export interface EventStreamOptions {
  /** The status as it is sent. */
  statusText(): string;
  /** Clients at the same time. Default 64. */
  readonly maxClients?: number;
}

/**
 * Sends what happens to those who look on, as server-sent events: `status` (the document of `/status`, when it has changed,
 * at most twice a second) and `event` (a `SentEvent`). While nobody looks on nothing is done.
 */
export class EventStream {
  readonly #clients = new Set<ServerResponse>();
  readonly #tally = new EventTally();
  #end: (() => void) | undefined;
  #lastStatus = '';
  #quietSince = 0;
  #held: ReadonlyMap<string, number> = new Map();

  constructor(
    private readonly daemon: Pick<Daemon, 'status' | 'subscribe'>,
    private readonly options: EventStreamOptions,
  ) {}

  /** Clients that look on. */
  get size(): number {
    return this.#clients.size;
  }

  /** Adds a client. Throws a {@link RequestError} when there are too many. */
  open(request: IncomingMessage, response: ServerResponse): void {
    const { maxClients = 64, statusText } = this.options;
    if (this.#clients.size >= maxClients)
      throw new RequestError(503, `there are ${maxClients} streams of events already`);
    response.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    response.write(`retry: 2000\n${message('status', statusText())}`);
    this.#clients.add(response);
    response.once('close', () => this.#remove(response));
    this.#begin();
  }

  close(): void {
    for (const client of this.#clients) client.destroy();
  }

  #begin(): void {
    if (this.#end !== undefined) return;
    this.#held = heldOf(this.daemon.status());
    const unsubscribe = this.daemon.subscribe((event) => this.#tally.add(event));
    const timer = setInterval(() => this.#tick(), tickMs).unref();
    this.#end = () => {
      clearInterval(timer);
      unsubscribe();
      this.#tally.take();
    };
  }

  #remove(client: ServerResponse): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    this.#end?.();
    this.#end = undefined;
  }

  #tick(): void {
    this.#noteHeld();
    const statusText = this.options.statusText();
    const now = performance.now();
    let text = this.#tally
      .take()
      .map((event) => message('event', JSON.stringify(event)))
      .join('');
    if (statusText !== this.#lastStatus) text += message('status', statusText);
    else if (text === '' && now - this.#quietSince >= silenceMs) text = ':\n\n';
    this.#lastStatus = statusText;
    if (text === '') return;
    this.#quietSince = now;
    for (const client of this.#clients) {
      if (client.writableLength > maxUnreadBytes) client.destroy();
      else client.write(text);
    }
  }

  /** Deletes that are held come and go in many ways; what is told is only how many there are. */
  #noteHeld(): void {
    const held = heldOf(this.daemon.status());
    for (const [target, count] of held)
      if (count !== (this.#held.get(target) ?? 0)) this.#tally.add({ type: 'held', target, held: count });
    this.#held = held;
  }
}

const heldOf = ({ targets }: DaemonStatus): ReadonlyMap<string, number> =>
  new Map(targets.map(({ name, held }) => [name, held]));

const message = (type: string, data: string): string => `event: ${type}\ndata: ${data.trimEnd()}\n\n`;
