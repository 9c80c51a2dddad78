import { readFileSync } from 'node:fs';
import { WatchError } from '../core/errors.js';
import type { FilterRule } from '../core/target.js';
import {
  loadAddon,
  type NativeMessage,
  type NativeWatcher,
  type NativeWatcherStats,
} from '../native/addon.js';
import { unpackScan } from './scan.js';

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
}

export interface WatcherEvents {
  /** Changes in the form of `packChanges`. */
  changes(packed: Buffer): void;
  /** Every directory is watched. */
  live(directories: number, entries: number): void;
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
        this.events.live(message.directories, message.entries);
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

  /** Says how many watches the tree needs, for guessing costs an operator several tries. */
  async #watchLimitReached(): Promise<WatchError> {
    const { root, rules, crossMounts } = this.options;
    const limit = readNumber('/proc/sys/fs/inotify/max_user_watches');
    const records = await loadAddon().scanTree({ root, rules, crossMounts, digests: false, threads: 0 });
    const need = [...unpackScan(records)].length;
    // Room to grow and for the other programs of this user.
    const proposal = Math.max(65_536, 2 ** Math.ceil(Math.log2(need * 1.5)));
    return new WatchError(
      'WATCH_LIMIT_REACHED',
      `the tree has ${need} directories, and fs.inotify.max_user_watches is ${limit}`,
      `raise it: sysctl fs.inotify.max_user_watches=${proposal} (and keep it in /etc/sysctl.d)`,
    );
  }
}

/** The root went away while it was watched. */
export const sourceLost = (reason: string): WatchError =>
  new WatchError(
    'SOURCE_LOST',
    `the source is gone: ${reason}`,
    'bring it back; nothing is deleted meanwhile',
  );

const readNumber = (file: string): number => Number.parseInt(readFileSync(file, 'latin1'), 10);
