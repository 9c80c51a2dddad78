import type { Config } from '../config/config.js';
import { systemClock } from '../core/clock.js';
import type { WatchError } from '../core/errors.js';
import type { SourceIdentity } from '../transfer/messages.js';
import type { ScannedDirectory } from '../watch/scan.js';
import { sourceLost, Watcher } from '../watch/watcher.js';
import { currentIdentity, isSameSource, latin1Of, readIdentity } from './source.js';

/** Pause between two looks for a source that went away, ms. */
const retryMs = 1_000;
/** Pause between two looks whether the source still is what is watched: a lazy unmount makes no event, ms. */
const checkMs = 2_000;

export interface SourceWatchEvents {
  /** Changes in the form of `packChanges`. */
  changes(packed: Buffer): void;
  /** Every directory is watched: for the first time, or again after the source was lost. See `WatcherEvents.live`. */
  live(directories: number, entries: number, scan?: ScannedDirectory[]): void;
  /** The kernel dropped events; what they told shows in the digests of a scan that begins after this call. */
  overflow(): void;
  /** The source went away. It is looked for, and `live` comes when it is back. */
  lost(error: WatchError): void;
  /** Watching can't go on. */
  failed(error: WatchError): void;
  /** Whether everything is compared when it is live. */
  comparesAll(): boolean;
  /** Another directory stands where the source was: whether it may be taken for the source from now on. */
  accepts(): boolean;
}

/** Watches the source for as long as it is there, and again each time that it is back. */
export class SourceWatch {
  #watcher: Watcher | undefined;
  #isLive = false;
  #isClosed = false;
  #directories = 0;
  /** Takes back the next look at the source. */
  #cancelLook: (() => void) | undefined;

  #identity: SourceIdentity;

  /** @param identity the directory that is taken for the source */
  constructor(
    private readonly config: Config,
    identity: SourceIdentity,
    private readonly events: SourceWatchEvents,
  ) {
    this.#identity = identity;
  }

  /** The directory that is watched, or is waited for. */
  get identity(): SourceIdentity {
    return this.#identity;
  }

  /** Whether every directory is watched. */
  get isLive(): boolean {
    return this.#isLive;
  }

  /** Directories watched so far. */
  get directories(): number {
    return this.#watcher?.stats().directories ?? this.#directories;
  }

  /** See `NativeWatcher.drain`; `undefined` while the source is lost. */
  drain(): Promise<Buffer> | undefined {
    return this.#watcher?.drain();
  }

  /** See `Daemon.ping`. */
  ping(): number | undefined {
    return this.#watcher?.ping();
  }

  start(): void {
    const { source, rules, events, crossMounts, settleMs, batch } = this.config;
    const options = {
      root: latin1Of(source),
      rules,
      crossMounts,
      settleMs,
      lingerMs: batch.lingerMs,
      digests: this.events.comparesAll(),
      ...events,
    };
    this.#watcher = new Watcher(options, {
      changes: (packed) => this.events.changes(packed),
      live: (directories, entries, scan) => {
        this.#isLive = true;
        this.#directories = directories;
        this.#lookSoon(checkMs);
        this.events.live(directories, entries, scan);
      },
      overflow: () => this.events.overflow(),
      failed: (error) => void this.#giveUp(error),
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#isLive = false;
    this.#cancelLook?.();
    await this.#watcher?.close();
  }

  async #giveUp(error: WatchError): Promise<void> {
    const watcher = this.#watcher;
    if (watcher === undefined || this.#isClosed) return;
    this.#watcher = undefined;
    this.#isLive = false;
    this.#cancelLook?.();
    const isLost = error.code === 'SOURCE_LOST' || error.code === 'SOURCE_MISSING';
    // First of all nothing more is to be sent.
    if (isLost) this.events.lost(error);
    await watcher.close();
    if (this.#isClosed) return;
    if (isLost) this.#lookSoon(retryMs);
    else this.events.failed(error);
  }

  #lookSoon(delayMs: number): void {
    this.#cancelLook = systemClock.after(delayMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    const watcher = this.#watcher;
    const { source } = this.config;
    const found = await (watcher === undefined
      ? readIdentity(source).catch(() => undefined)
      : currentIdentity(source));
    if (this.#isClosed || this.#watcher !== watcher) return;
    if (watcher === undefined && found !== undefined && this.events.accepts()) this.#identity = found;
    const isThere = found !== undefined && isSameSource(found, this.#identity);
    if (watcher === undefined && isThere) this.start();
    else if (watcher === undefined) this.#lookSoon(retryMs);
    else if (isThere) this.#lookSoon(checkMs);
    else
      await this.#giveUp(
        sourceLost(found === undefined ? 'it is not there' : 'another directory stands in its place'),
      );
  }
}
