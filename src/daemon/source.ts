import { lstat, open } from 'node:fs/promises';
import type { Config } from '../config/config.js';
import { WatchError } from '../core/errors.js';
import { packPaths, type RelPath, relPathToBytes } from '../core/path.js';
import { loadAddon } from '../native/addon.js';
import type { SourceIdentity } from '../transfer/messages.js';
import { type ScannedDirectory, scanDirectories, unpackScan } from '../watch/scan.js';

/** An ordinary string -> its UTF-8 bytes as latin1, the form in which paths travel. */
export const latin1Of = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** Device and inode of the root. Throws {@link WatchError} `SOURCE_MISSING` when it can't be opened as a directory. */
export const readIdentity = async (source: string): Promise<SourceIdentity> => {
  try {
    const root = await open(source, 'r');
    try {
      const stat = await root.stat({ bigint: true });
      if (!stat.isDirectory()) throw new Error('it is not a directory');
      return { device: String(stat.dev), inode: String(stat.ino) };
    } finally {
      await root.close();
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WatchError('SOURCE_MISSING', `the source ${source} can't be read: ${reason}`, 'bring it back', {
      cause,
    });
  }
};

/**
 * The same of a source that is watched, in one step for it is asked for all the time; `undefined`: there is none. The dot
 * makes the kernel enter the directory, as opening it would, so that what mounts itself on demand is mounted.
 */
export const currentIdentity = (source: string): Promise<SourceIdentity | undefined> =>
  lstat(`${source}/.`, { bigint: true }).then(
    ({ dev, ino }) => ({ device: String(dev), inode: String(ino) }),
    () => undefined,
  );

export const isSameSource = (a: SourceIdentity, b: SourceIdentity): boolean =>
  a.device === b.device && a.inode === b.inode;

/** Reads the source's directories. */
export class SourceScanner {
  readonly #root: string;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<readonly ScannedDirectory[]> | undefined;
  #given: readonly ScannedDirectory[] | undefined;
  #counting: Promise<number> | undefined;

  constructor(private readonly config: Pick<Config, 'source' | 'rules' | 'crossMounts'>) {
    this.#root = latin1Of(config.source);
  }

  /**
   * Every directory with its digest, parents before children. Those who ask at about the same time share one scan, but
   * never one that had begun before they asked.
   * @param takesGiven whether one that is {@link giving | given} at the moment will do
   */
  scan(takesGiven = false): Promise<readonly ScannedDirectory[]> {
    if (this.#given !== undefined && takesGiven) return Promise.resolve(this.#given);
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      const scan = this.#scan();
      this.#running = scan.catch(() => {});
      return scan;
    });
    return this.#next;
  }

  /** Those who ask during `action`, and take it, get this scan: every later change is among those that are told. */
  giving(scan: readonly ScannedDirectory[] | undefined, action: () => void): void {
    this.#given = scan;
    try {
      action();
    } finally {
      this.#given = undefined;
    }
  }

  /** Entries of the source; those who ask at about the same time share one look. */
  count(): Promise<number> {
    this.#counting ??= this.#count().finally(() => {
      this.#counting = undefined;
    });
    return this.#counting;
  }

  async #count(): Promise<number> {
    const { rules, crossMounts } = this.config;
    const options = { root: this.#root, rules, crossMounts, digests: false, threads: 1 };
    return (await scanDirectories(options)).reduce((sum, { entries }) => sum + entries, 0);
  }

  /**
   * These directories, and those with all beneath, parents before children. What is missing or excluded is left out, and of
   * what lies beneath also what something is mounted on: a mount makes no event, so that nothing of it may have been sent.
   */
  async digest(directories: readonly RelPath[], trees: readonly RelPath[]): Promise<ScannedDirectory[]> {
    const { rules } = this.config;
    const records =
      directories.length === 0
        ? []
        : unpackScan(
            await loadAddon().digestDirectories({
              root: this.#root,
              rules,
              directories: packPaths(directories),
            }),
          );
    const found = [...records, ...(trees.length === 0 ? [] : await this.#scan(trees))];
    // A directory may lie below a subtree of the other list, or the reverse.
    return found.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  }

  /** Those of the paths that are directories, or can't be looked at. */
  async existing(directories: readonly RelPath[]): Promise<ReadonlySet<RelPath>> {
    const root = Buffer.from(`${this.#root}/`, 'latin1');
    const found = new Set<RelPath>();
    for (const path of directories) {
      const isThere = await lstat(Buffer.concat([root, relPathToBytes(path)])).then(
        (stat) => stat.isDirectory(),
        (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
      );
      if (isThere) found.add(path);
    }
    return found;
  }

  #scan(trees?: readonly RelPath[]): Promise<ScannedDirectory[]> {
    const { rules, crossMounts } = this.config;
    const options = { root: this.#root, rules, crossMounts, digests: true, threads: 0 };
    return scanDirectories(
      trees === undefined ? options : { ...options, from: packPaths(trees), mounted: false },
    );
  }
}
