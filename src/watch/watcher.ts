import { WatchError } from '../core/errors.js';
import type { FilterRule } from '../core/target.js';
import {
  loadAddon,
  type NativeMessage,
  type NativeWatcher,
  type NativeWatcherStats,
} from '../native/addon.js';
import { type ScannedDirectory, unpackScan } from './scan.js';
import { inotifyLimit, watchLimitReached } from './watch-limit.js';

export interface WatcherOptions {
  /** Absolute path of the root, one latin1 character per byte. */
  readonly root: string;
  readonly rules: readonly FilterRule[];
  readonly attrib: boolean;
  readonly modify: boolean;
  readonly crossMounts: boolean;
  /** Quiet time after which an open file is asked for writers, ms. */
  readonly settleMs: number;
  /** How long changes are gathered, ms. */
  readonly lingerMs: number;
  /** Whether `live` is to bring every directory with its digest. Default false. */
  readonly digests?: boolean;
}

export interface WatcherEvents {
  /** Changes in the form of `packChanges`. */
  changes(packed: Buffer): void;
  /**
   * Every directory is watched.
   * @param scan every directory, parents before children, in a state whose later changes are all told; `undefined` when
   *   it was not asked for or could not be had
   */
  live(directories: number, entries: number, scan?: ScannedDirectory[]): void;
  /** The kernel dropped events; what they told shows in the digests of a scan that begins after this call. */
  overflow(): void;
  /** Watching can't go on; the watcher is to be closed. `SOURCE_LOST` when the root went away. */
  failed(error: WatchError): void;
}

/** Watches one tree until it is closed. */
export class Watcher {
  readonly #native: NativeWatcher;

  constructor(
    private readonly options: WatcherOptions,
    private readonly events: WatcherEvents,
  ) {
    this.#native = new (loadAddon().Watcher)(options, (message) => this.#receive(message));
  }

  /** See `NativeWatcher.drain`. */
  drain(): Promise<Buffer> {
    return this.#native.drain();
  }

  /** See `NativeWatcher.ping`. @returns the turns before it */
  ping(): number {
    const { turns } = this.#native.stats();
    this.#native.ping();
    return turns;
  }

  stats(): NativeWatcherStats {
    return this.#native.stats();
  }

  close(): Promise<void> {
    return this.#native.close();
  }

  #receive(message: NativeMessage): void {
    switch (message.type) {
      case 'changes':
        this.events.changes(message.packed);
        break;
      case 'live':
        this.#live(message);
        break;
      case 'overflow':
        this.events.overflow();
        break;
      case 'root-lost':
        this.events.failed(sourceLost(message.reason));
        break;
      case 'error':
        void this.#fail(message);
    }
  }

  #live({ directories, entries, scan }: Extract<NativeMessage, { type: 'live' }>): void {
    this.events.live(directories, entries, scan === undefined ? undefined : [...unpackScan(scan)]);
  }

  async #fail(message: Extract<NativeMessage, { type: 'error' }>): Promise<void> {
    const text = `${message.syscall} of ${message.path || 'the root'} failed with ${message.code}`;
    if (message.code === 'ENOSPC') {
      this.events.failed(await this.#watchLimitReached());
    } else if (message.code === 'EMFILE') {
      const hint = 'raise fs.inotify.max_user_instances (sysctl) or the limit of open files';
      this.events.failed(new WatchError('INSTANCE_LIMIT_REACHED', text, hint));
    } else if (message.code === 'ENOENT' || message.code === 'ENOTDIR') {
      this.events.failed(
        new WatchError('SOURCE_MISSING', text, 'the source must be a directory that exists'),
      );
    } else {
      this.events.failed(new WatchError('WATCH_FAILED', text, 'check the permissions of the source'));
    }
  }

  async #watchLimitReached(): Promise<WatchError> {
    const watched = this.stats().directories;
    const { root, rules, crossMounts } = this.options;
    const records = await loadAddon().scanTree({ root, rules, crossMounts, digests: false, threads: 0 });
    return watchLimitReached({ ...inotifyLimit('watches'), need: [...unpackScan(records)].length, watched });
  }
}

/** The root went away while it was watched. */
export const sourceLost = (reason: string): WatchError =>
  new WatchError(
    'SOURCE_LOST',
    `the source is gone: ${reason}`,
    'bring it back; nothing is deleted meanwhile',
  );
