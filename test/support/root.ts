import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { run } from './run.js';
import { atEnd, type Scope } from './scope.js';
import { tempDirectory } from './temp-tree.js';

const isRoot = process.getuid?.() === 0;

/** For `skip` of tests that only root can run. */
export const unlessRoot = isRoot ? false : 'needs root';

const mayMount = (): boolean =>
  isRoot && spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;

/** For `skip` of tests that mount something. */
export const unlessMounting = mayMount() ? false : 'needs root and the right to mount';

/** For `skip` of tests that need a user namespace. */
export const unlessNamespaces =
  spawnSync('unshare', ['-Ur', 'true']).status === 0 ? false : 'user namespaces are not allowed here';

/**
 * What starts a program in a user namespace of its own with a lower limit.
 * @param setting in /proc/sys/user, such as `max_inotify_watches`
 */
export const limited = (setting: string, limit: number): string[] => [
  'unshare',
  '-Ur',
  'sh',
  '-c',
  `echo ${limit} > /proc/sys/user/${setting} && exec "$@"`,
  'sh',
];

/** A user without rights. */
export const nobody = 65_534;

const queueLimit = '/proc/sys/fs/inotify/max_queued_events';

/**
 * Lowers the length of the kernel's queues of events for the watchers that `start` starts: whoever they belong to, so only
 * for tests that run alone.
 */
export const withQueueLimit = async <Result>(
  limit: number,
  start: () => Promise<Result>,
): Promise<Result> => {
  const before = readFileSync(queueLimit);
  writeFileSync(queueLimit, String(limit));
  try {
    return await start();
  } finally {
    writeFileSync(queueLimit, before);
  }
};

/** A file system in memory, unmounted when the scope ends. */
export class MemoryDisk {
  private constructor(
    /** Where it is mounted; plain directory while it is not. */
    readonly path: string,
  ) {}

  /** @param size such as `2m`. @param path default: a temporary directory */
  static async mount(
    scope: Scope,
    size: string,
    path: string = tempDirectory(scope, 'mount'),
  ): Promise<MemoryDisk> {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=755`, 'none', path]);
    atEnd(scope, () => spawnSync('umount', ['-l', path]));
    return new MemoryDisk(path);
  }

  /** @param options `-l`: at once, even when it is in use */
  async unmount(...options: readonly string[]): Promise<void> {
    await run('umount', [...options, this.path]);
  }

  /** Mounts it a second time at another place, so that it outlives an unmount. */
  async bind(scope: Scope): Promise<MemoryDisk> {
    const path = tempDirectory(scope, 'mount');
    await run('mount', ['--bind', this.path, path]);
    atEnd(scope, () => spawnSync('umount', ['-l', path]));
    return new MemoryDisk(path);
  }

  /** Mounts it once more where it was, from the place that {@link bind} gave. */
  async mountAgain(from: MemoryDisk): Promise<void> {
    await run('mount', ['--bind', from.path, this.path]);
  }
}
