import { createRequire } from 'node:module';
import type { FilterRule } from '../core/target.js';
import { addonFile, unusableAddon } from './addon-file.js';

/** Paths and rules cross as latin1 strings (one character per byte) or as packed bytes, never as decoded text. */
export interface NativeWatcherOptions {
  /** Absolute path of the source root. */
  readonly root: string;
  readonly rules: readonly FilterRule[];
  /** Whether changes of mode, owner and times alone are reported. Default true. */
  readonly attrib?: boolean;
  /** Whether a file that stays open is reported at every settle. Default false. */
  readonly modify?: boolean;
  /** Whether directories on another device below the root are entered. Default true, as rsync does without `-x`. */
  readonly crossMounts?: boolean;
  /** Quiet time after which a created or modified file is asked for writers, ms. Default 100. */
  readonly settleMs?: number;
  /** How long changes are gathered before they are handed over, ms. Default 3. */
  readonly lingerMs?: number;
  /** Whether `live` brings every directory with its digest. Default false. */
  readonly digests?: boolean;
  /** Bytes that undelivered changes may take; past it, entries fold into their directory. Default 64 MiB. */
  readonly pendingLimitBytes?: number;
}

export type NativeMessage =
  /**
   * Every directory is watched: from here on nothing is missed. `scan`: the records of `scanTree` with digests, each as its
   * directory was just after its own watch began, so that all that came later is among the changes; it is left out when
   * it was not asked for, or when it could not be had.
   */
  | {
      readonly type: 'live';
      readonly directories: number;
      readonly entries: number;
      readonly scan?: Buffer;
    }
  /** Changes in the form of `packChanges`. */
  | { readonly type: 'changes'; readonly packed: Buffer }
  /**
   * The kernel's queue overflowed: events were lost. The addon looks for directories that it does not know, watches and
   * reports them; what was lost of the others shows in their digests, of a scan that begins after this message.
   */
  | { readonly type: 'overflow' }
  /** The root was moved, deleted, unmounted or replaced. Nothing more is reported. */
  | { readonly type: 'root-lost'; readonly reason: string }
  /** Watching can't go on. `code` is the errno's name. */
  | { readonly type: 'error'; readonly code: string; readonly syscall: string; readonly path: string };

export interface NativeWatcherStats {
  readonly directories: number;
  readonly watches: number;
  /** Changes gathered and not yet handed over. */
  readonly pending: number;
  /** Files created or modified that wait for their writer to close them. */
  readonly settling: number;
  readonly events: number;
  readonly overflows: number;
  /** Turns of the thread that watches. */
  readonly turns: number;
}

export interface NativeWatcher {
  /**
   * Resolves when all that was in the kernel's queue at the time of the call has been handed over. The result lists,
   * packed as entries, the paths that still settle: they are dirty although no change was reported for them yet.
   * Rejects with `ECANCELED` when the watcher is closed, or ends by `error` or `root-lost`.
   */
  drain(): Promise<Buffer>;
  /** Makes the thread turn once more at least, as `turns` then shows. */
  ping(): void;
  stats(): NativeWatcherStats;
  /** Stops the thread and frees every watch. No message comes after it resolved. */
  close(): Promise<void>;
}

export interface BuildListsOptions {
  /** Descriptor of the source root. */
  readonly rootFd: number;
  readonly rules: readonly FilterRule[];
  /** In the form of `packChanges`. */
  readonly changes: Uint8Array;
  /**
   * `missing-args`: a gone path is listed, rsync deletes it by `--delete-missing-args`. `parent-directory`: its
   * nearest existing parent is listed as a directory. `none`: left out.
   */
  readonly deleteMethod: 'missing-args' | 'parent-directory' | 'none';
  /** Whether the target may hold other content behind the names of listed directories: see {@link BuiltLists.checked}. */
  readonly checks?: boolean;
  /** Regular files of this size and more are left for the big lane; `Infinity` takes all. */
  readonly bigFileBytes: number;
  /** Bytes of regular files after which the rest of the changes is deferred. At least one change is always taken. */
  readonly batchBytes: number;
  /**
   * Directories, each followed by a NUL, that may be listed as a whole instead of many entries of theirs; nobody else
   * sends anything in them meanwhile. It is done where at least half of what they hold is in `changes`, nothing was
   * put into them just now, no directory is in them, and nothing else in them is big or being written.
   */
  readonly crowded?: Uint8Array;
}

export interface BuiltLists {
  /** rsync's list for the call without `-r`: `./path` NUL … */
  readonly list: Buffer;
  /**
   * The list for the call that compares content: files that may differ although size and time are the same, for their
   * time of modification is not that of their last change. Of the entries those that are no `attributes`, with `checks`
   * also what listed directories hold.
   */
  readonly checked: Buffer;
  /** The list for the call with `-r` (subtrees). */
  readonly trees: Buffer;
  /** Packed changes, `entry` or `attributes`: regular files of `bigFileBytes` and more. */
  readonly big: Buffer;
  /** Packed changes that did not fit into `batchBytes`. */
  readonly deferred: Buffer;
  /** Packed entries that rsync can't carry: 4096 bytes and more with the prefix. */
  readonly tooLong: Buffer;
  readonly files: number;
  readonly directories: number;
  /** Packed entries: the paths that are gone at the source, each reduced to the topmost that is. */
  readonly gonePaths: Buffer;
  /** How many they are. */
  readonly gone: number;
  /** Packed entries: where a `tree` changed and something other than a directory stands. */
  readonly replacedTrees: Buffer;
  /** Packed entries: real directories that are listed without their contents, for only an `entry` named them. */
  readonly entryDirectories: Buffer;
  /** Directories that are listed with their contents. */
  readonly whole: number;
  /** Bytes of the regular files in `list` and `checked`. */
  readonly sizeBytes: number;
}

export interface NativeChildOptions {
  /** Files that may be the program; the first that can be executed is. */
  readonly files: readonly string[];
  /** The first is the name that it is called by. */
  readonly args: readonly string[];
  /** `NAME=value` each. */
  readonly env: readonly string[];
  /** Descriptor of the directory that it runs in. */
  readonly cwdFd: number;
  /** Descriptor that it reads. Default: a pipe. */
  readonly stdin?: number | undefined;
}

export interface NativeChild {
  readonly pid: number;
  /** Settles when it has ended and is gone. Until then the event loop of this thread stays alive. */
  readonly ended: Promise<{ readonly exitCode?: number; readonly signal?: number }>;
  /** Descriptors of the other ends of its pipes, which the caller closes; the first only if it reads a pipe. */
  readonly stdin?: number;
  readonly stdout: number;
  readonly stderr: number;
}

export interface ScanOptions {
  readonly root: string;
  readonly rules: readonly FilterRule[];
  readonly crossMounts: boolean;
  /** Whether directories below the root that something is mounted on are entered. Default true. */
  readonly mounted?: boolean;
  /** Whether digests are computed (each entry is looked at); otherwise directories are only listed. */
  readonly digests: boolean;
  /** Threads; 0: one per core. */
  readonly threads: number;
  /**
   * Directories, each followed by a NUL, that are scanned with all beneath instead of the whole tree; none lies below
   * another. Those that are missing or hidden by the rules are left out.
   */
  readonly from?: Uint8Array;
}

export interface DigestOptions {
  readonly root: string;
  readonly rules: readonly FilterRule[];
  /** Paths of directories, each followed by a NUL; the root is the empty path. */
  readonly directories: Uint8Array;
}

export interface NativeAddon {
  /** Starts to watch at once; messages arrive on the thread that called. */
  readonly Watcher: new (
    options: NativeWatcherOptions,
    onMessage: (message: NativeMessage) => void,
  ) => NativeWatcher;
  /**
   * Looks at every changed path and its components (lstat) and builds what rsync is told; runs on libuv's pool.
   * Rejects with a system error only when the root itself can't be read (`ENOENT`: it was deleted) or when `changes`
   * is malformed or names a path outside the root (`EINVAL`).
   */
  buildLists(options: BuildListsOptions): Promise<BuiltLists>;
  /**
   * Lists every directory that the filter lets through, parents before children. One record for each: path bytes, NUL,
   * 16 digest bytes (zero without digests), number of entries that are not excluded (u32, little-endian). Of a directory
   * that can't be read the digest is zero and the number 0; one that vanishes meanwhile is left out. Rejects with a
   * system error when the root can't be opened or the process runs out of descriptors or memory.
   */
  scanTree(options: ScanOptions): Promise<Buffer>;
  /**
   * The records of {@link scanTree}, with digests, for exactly these directories; those that are missing, are no
   * directories or are hidden by the rules are left out.
   */
  digestDirectories(options: DigestOptions): Promise<Buffer>;
  /** Whether the rules hide the path, itself or by an excluded directory above it; gives the index of the rule. */
  matchFilter(
    rules: readonly FilterRule[],
    path: string,
    isDirectory: boolean,
  ): { excluded: boolean; rule: number };
  /**
   * Starts a program in a session of its own. Node's own way copies the page tables of the whole process (fork(2)),
   * which takes many times longer than the start itself. Throws with the errno's name as `code` when that fails, `ENOSYS`
   * before Linux 5.3.
   */
  startChild(options: NativeChildOptions): NativeChild;
  /** Whether {@link startChild} does not fail with `ENOSYS`. */
  canStartChildren(): boolean;
  /**
   * Sends one message to the service manager, sd_notify(3), and never waits. Throws a system error: `EAGAIN` when the
   * manager's queue is full.
   * @param socket what `NOTIFY_SOCKET` holds: an absolute path, or `@name` in the abstract namespace
   */
  notifyService(socket: string, message: string): void;
  /** A sealed anonymous file that holds the bytes, read position 0. The caller closes the descriptor. */
  memoryFile(bytes: Uint8Array): number;
}

let loaded: NativeAddon | undefined;

/**
 * Loads the addon once per thread. Throws {@link WatchError} `ADDON_MISSING` where there is none for this machine,
 * `UNSUPPORTED_PLATFORM` anywhere but on Linux.
 */
export const loadAddon = (): NativeAddon => {
  if (loaded !== undefined) return loaded;
  const file = addonFile();
  try {
    loaded = createRequire(import.meta.url)(file) as NativeAddon;
    return loaded;
  } catch (cause) {
    throw unusableAddon(file, cause);
  }
};
