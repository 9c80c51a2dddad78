import { EventEmitter, once } from 'node:events';
import { type Change, unpackChanges } from '../../src/core/change.js';
import { ancestorsOf, parentOf, type RelPath } from '../../src/core/path.js';
import {
  loadAddon,
  type NativeMessage,
  type NativeWatcher,
  type NativeWatcherOptions,
} from '../../src/native/addon.js';
import { atEnd, type Scope } from './scope.js';
import { waitFor } from './wait-for.js';

/** A native watcher whose messages are kept. */
export class Recorder {
  readonly native: NativeWatcher;
  readonly messages: Exclude<NativeMessage, { type: 'changes' }>[] = [];
  /** Messages of changes so far. */
  deliveries = 0;
  #changes: Change[] = [];
  readonly #arrivals = new EventEmitter();

  constructor(options: NativeWatcherOptions) {
    this.native = new (loadAddon().Watcher)(options, (message) => {
      if (message.type === 'changes') {
        this.deliveries++;
        for (const change of unpackChanges(message.packed)) this.#changes.push(change);
      } else this.messages.push(message);
      this.#arrivals.emit('message');
    });
  }

  /** Waits for the first message of this type. */
  async message<T extends NativeMessage['type']>(type: T): Promise<Extract<NativeMessage, { type: T }>> {
    for (;;) {
      const found = this.messages.find((message) => message.type === type);
      if (found !== undefined) return found as Extract<NativeMessage, { type: T }>;
      await once(this.#arrivals, 'message');
    }
  }

  /** The changes since the last call, when the watcher has told everything that happened before this one. */
  async take(): Promise<Change[]> {
    await this.native.drain();
    const taken = this.#changes;
    this.#changes = [];
    return taken;
  }

  /**
   * Waits until so many directories are known and as many are watched. What has left its place is held for a while, for it
   * may come to another one.
   */
  async untilKnown(directories: number): Promise<void> {
    const known = (): boolean | string => {
      const stats = this.native.stats();
      const isSo = stats.directories === directories && stats.watches === directories;
      return isSo || `${stats.directories} known and ${stats.watches} watched`;
    };
    await waitFor(known, { what: `${directories} directories` });
  }

  /** Waits for a change that covers the path, and gives all that came until then. */
  async until(path: string): Promise<Change[]> {
    while (!isCovered(path, this.#changes)) await once(this.#arrivals, 'message');
    const taken = this.#changes;
    this.#changes = [];
    return taken;
  }
}

/** Watches the directory, waits until that is complete, and closes the watcher when the scope ends. */
export const record = async (
  scope: Scope,
  root: string,
  options: Partial<NativeWatcherOptions> = {},
): Promise<Recorder> => {
  const recorder = new Recorder({ root, rules: [], ...options });
  atEnd(scope, () => recorder.native.close());
  await recorder.message('live');
  return recorder;
};

/** `kind:path`, sorted. */
export const told = (changes: readonly Change[]): string[] =>
  [...new Set(changes.map(({ kind, path }) => `${kind}:${path}`))].sort();

/** Whether replicating these changes would bring the path to its present state at a target. */
const isCovered = (path: string, changes: readonly Change[]): boolean => coverOf(changes)(path);

/** The same for many paths. */
export const coverOf = (changes: readonly Change[]): ((path: string) => boolean) => {
  const kinds = {
    attributes: new Set<string>(),
    entry: new Set<string>(),
    directory: new Set<string>(),
    tree: new Set<string>(),
  };
  for (const { kind, path } of changes) kinds[kind].add(path);
  return (path) => {
    if (kinds.attributes.has(path)) return true;
    if (kinds.entry.has(path) || kinds.directory.has(path) || kinds.tree.has(path)) return true;
    const parent = parentOf(path as RelPath);
    if (parent !== undefined && kinds.directory.has(parent)) return true;
    return [...ancestorsOf(path as RelPath)].some((above) => kinds.tree.has(above));
  };
};
