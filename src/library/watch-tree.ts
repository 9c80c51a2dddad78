import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { rulesOf } from '../config/resolve.js';
import { type Change, type ChangeKind, unpackChanges } from '../core/change.js';
import type { WatchError } from '../core/errors.js';
import { type RelPath, relPathToBytes } from '../core/path.js';
import { Watcher } from '../watch/watcher.js';
import { PendingChanges } from './pending-changes.js';
import { type WatchTreeOptions, watchOptionsOf } from './watch-options.js';

/** A path that may differ from what it was. Look at it: it may be new, altered, or gone. */
export interface TreeChange<Encoding extends 'utf8' | 'buffer' = 'utf8'> {
  /**
   * How much there is to look at: `attributes` (mode, owner, times of the path), `entry` (the path itself), `directory`
   * (it and its immediate contents), `tree` (it and all beneath).
   */
  readonly kind: ChangeKind;
  /** Relative to the root, `/` between names; empty for the root. */
  readonly path: Encoding extends 'buffer' ? Buffer : string;
  /** With `utf8`, the exact path where it is not valid UTF-8 and `path` holds U+FFFD. */
  readonly bytes?: Buffer;
}

/** What changed since the batch before. */
export interface TreeBatch<Encoding extends 'utf8' | 'buffer' = 'utf8'> {
  /** Each path once. Order means nothing. Never empty. */
  readonly changes: readonly TreeChange<Encoding>[];
  /** The kernel dropped events: anything may have changed. `changes` is then the whole tree: one of kind `tree`. */
  readonly overflow: boolean;
}

/** How much is watched. */
export interface WatchedTree {
  /** Directories, the root included. */
  readonly directories: number;
  /** Entries in them, directories included. */
  readonly entries: number;
}

/** A watched tree: iterate over it, once. */
export interface TreeWatch<Encoding extends 'utf8' | 'buffer' = 'utf8'>
  extends AsyncIterableIterator<TreeBatch<Encoding>>,
    AsyncDisposable {
  /**
   * Resolves when every directory is watched: from then on no change is missed, and before it some come already. Rejects
   * with what ended the watch before, a {@link WatchError} or the reason of the signal.
   */
  readonly ready: Promise<WatchedTree>;
  /** The next batch, as soon as something changed. Rejects as the iteration throws: see {@link watchTree}. */
  next(): Promise<IteratorResult<TreeBatch<Encoding>, undefined>>;
  /** Ends it. Resolves when every watch is freed; what was not taken is gone. */
  return(): Promise<IteratorResult<TreeBatch<Encoding>, undefined>>;
  /** Itself: there is one iteration. */
  [Symbol.asyncIterator](): TreeWatch<Encoding>;
}

/**
 * Watches a directory with all beneath, at once; needs no rsync. What is not taken merges per path, in bounded memory.
 * The iteration ends by the signal and by `return()` (a `break` calls it), and throws a {@link WatchError}
 * (`SOURCE_MISSING`, `SOURCE_LOST`, `WATCH_LIMIT_REACHED`, `INSTANCE_LIMIT_REACHED`, `WATCH_FAILED`) after the last batch
 * when watching can't go on.
 * Throws a `ConfigError` for wrong options, a `WatchError` `ADDON_MISSING` or `UNSUPPORTED_PLATFORM`.
 * @param root relative to the working directory, or absolute
 */
export const watchTree = <Encoding extends 'utf8' | 'buffer' = 'utf8'>(
  root: string,
  options: WatchTreeOptions<Encoding> = {},
): TreeWatch<Encoding> => {
  const { encoding } = watchOptionsOf(options);
  const shape = (encoding === 'buffer' ? asBytes : asText) as (change: Change) => TreeChange<Encoding>;
  return new NativeTreeWatch(root, options, shape);
};

class NativeTreeWatch<Encoding extends 'utf8' | 'buffer'> implements TreeWatch<Encoding> {
  readonly ready: TreeWatch<Encoding>['ready'];
  readonly #pending: PendingChanges;
  readonly #watcher: Watcher;
  readonly #signal: AbortSignal | undefined;
  #settle: {
    resolve(found: WatchedTree): void;
    reject(error: unknown): void;
  } = { resolve: () => {}, reject: () => {} };
  /** What the iteration throws after the last batch. */
  #error: WatchError | undefined;
  #closed: Promise<void> | undefined;
  /** Those who wait for the next batch. */
  #wake: (() => void)[] = [];

  constructor(
    root: string,
    options: WatchTreeOptions<Encoding>,
    private readonly shape: (change: Change) => TreeChange<Encoding>,
  ) {
    const { include, exclude, maxPending, signal, encoding: _, ...rest } = watchOptionsOf(options);
    this.#pending = new PendingChanges(maxPending);
    this.#signal = signal;
    this.ready = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whoever awaits it gets the error; the iteration throws it, too.
    this.ready.catch(() => {});
    this.#watcher = new Watcher(
      { ...rest, root: Buffer.from(realPath(root)).toString('latin1'), rules: rulesOf(include, exclude) },
      {
        changes: (packed) => this.#add(packed),
        live: (directories, entries) => this.#settle.resolve({ directories, entries }),
        overflow: () => {
          this.#pending.overflow();
          this.#tell();
        },
        failed: (error) => this.#fail(error),
      },
    );
    signal?.addEventListener('abort', this.#abort);
    if (signal?.aborted === true) this.#abort();
  }

  async next(): Promise<IteratorResult<TreeBatch<Encoding>, undefined>> {
    for (;;) {
      if (!this.#pending.isEmpty) return { done: false, value: this.#take() };
      const error = this.#error;
      this.#error = undefined;
      if (this.#closed !== undefined) await this.#closed;
      if (error !== undefined) throw error;
      if (this.#closed !== undefined) return { done: true, value: undefined };
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  async return(): Promise<IteratorResult<TreeBatch<Encoding>, undefined>> {
    this.#error = undefined;
    await this.#close(new Error('the watch was ended'));
    this.#pending.clear();
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #add(packed: Buffer): void {
    if (this.#closed !== undefined) return;
    for (const change of unpackChanges(packed)) this.#pending.add(change);
    this.#tell();
  }

  #take(): TreeBatch<Encoding> {
    const { changes, overflow } = this.#pending.take();
    return { changes: changes.map(this.shape), overflow };
  }

  readonly #abort = (): void => {
    void this.#close(this.#signal?.reason);
    this.#pending.clear();
  };

  #fail(error: WatchError): void {
    if (this.#closed !== undefined) return;
    this.#error = error;
    void this.#close(error);
  }

  #close(reason: unknown): Promise<void> {
    this.#closed ??= this.#watcher.close();
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#settle.reject(reason);
    this.#tell();
    return this.#closed;
  }

  #tell(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** The kernel watches what a link leads to; a root that is not there is told as every other fault. */
const realPath = (root: string): string => {
  try {
    return realpathSync(root);
  } catch {
    return resolve(root);
  }
};

const asBytes = ({ kind, path }: Change): TreeChange<'buffer'> => ({ kind, path: relPathToBytes(path) });

const asText = ({ kind, path }: Change): TreeChange<'utf8'> => {
  if (isAscii(path)) return { kind, path };
  const bytes = relPathToBytes(path);
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? { kind, path: text } : { kind, path: text, bytes };
};

const isAscii = (path: RelPath): boolean => !/[\x80-\xff]/.test(path);
