import {
  type BigIntStats,
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { asRelPath, displayPath } from '../../src/core/path.js';
import { bytesOf } from './temp-tree.js';

export interface CompareOptions {
  /** What is left out on both sides; relative latin1 path. Nothing below an excluded directory is looked at. */
  readonly exclude?: (path: string) => boolean;
  /** Differences after which the comparison ends. Default 20. */
  readonly limit?: number;
  /** Whether the bytes of the files are compared as well. Default true. */
  readonly contents?: boolean;
  /** Whose times are not compared. */
  readonly ignoreTimes?: (path: string) => boolean;
}

/**
 * Compares two trees byte by byte: names, types, modes, owners, sizes, times to the nanosecond (directories' and
 * links' as well), contents, link targets, device numbers; the roots included.
 * @returns one line for each difference, empty when the trees are equal
 */
export const compareTrees = async (
  source: string,
  target: string,
  options: CompareOptions = {},
): Promise<string[]> => {
  const { exclude = () => false, limit = 20 } = options;
  const found: string[] = [];
  const say = (path: string, text: string) => found.push(`${displayPath(asRelPath(path))}: ${text}`);
  const waiting = [''];
  for (let path = waiting.pop(); path !== undefined && found.length < limit; path = waiting.pop()) {
    const [here, there] = [bytesOf(source, path), bytesOf(target, path)];
    const difference = compareEntries(here, there, {
      contents: options.contents ?? true,
      times: !(options.ignoreTimes?.(path) ?? false),
    });
    if (difference !== undefined) say(path, difference);
    if (!isDirectory(here) || !isDirectory(there)) continue;
    const [wanted, actual] = [source, target].map((root) => new Set(listNames(root, path ?? '')));
    for (const child of wanted ?? []) if (!exclude(child)) waiting.push(child);
    for (const child of actual ?? [])
      if (wanted?.has(child) === false && !exclude(child)) say(child, 'only at the target');
    // A daemon in the same process must not stand still meanwhile.
    await turn();
  }
  return found.slice(0, limit);
};

const listNames = (root: string, path: string): string[] => {
  try {
    const names = readdirSync(bytesOf(root, path), { encoding: 'buffer' }) as unknown as Buffer[];
    return names.map((name) => `${path === '' ? '' : `${path}/`}${name.toString('latin1')}`);
  } catch {
    return []; // It went away meanwhile: the next comparison sees that.
  }
};

const statOf = (path: Buffer): BigIntStats | undefined =>
  lstatSync(path, { bigint: true, throwIfNoEntry: false });

const isDirectory = (path: Buffer): boolean => statOf(path)?.isDirectory() ?? false;

interface Extent {
  readonly contents: boolean;
  readonly times: boolean;
}

const compareEntries = (here: Buffer, there: Buffer, { contents, times }: Extent): string | undefined => {
  try {
    const a = statOf(here);
    const b = statOf(there);
    if (a === undefined) return 'only at the target';
    if (b === undefined) return 'missing at the target';
    const difference = compareStats(a, b, times);
    if (difference !== undefined) return difference;
    if (a.isSymbolicLink()) return compareLinks(here, there);
    if (!contents || !a.isFile() || a.size === 0n || hasSameContent(here, there)) return undefined;
    return 'content differs';
  } catch (error) {
    return String(error);
  }
};

const types: readonly (readonly [string, (stat: BigIntStats) => boolean])[] = [
  ['file', (stat) => stat.isFile()],
  ['directory', (stat) => stat.isDirectory()],
  ['symlink', (stat) => stat.isSymbolicLink()],
  ['fifo', (stat) => stat.isFIFO()],
  ['socket', (stat) => stat.isSocket()],
  ['character device', (stat) => stat.isCharacterDevice()],
  ['block device', (stat) => stat.isBlockDevice()],
];
const typeOf = (stat: BigIntStats): string => types.find(([, matches]) => matches(stat))?.[0] ?? 'unknown';
const modeOf = (stat: BigIntStats): string => (stat.mode & 0o7777n).toString(8);

const compareStats = (a: BigIntStats, b: BigIntStats, times: boolean): string | undefined => {
  const facts: (readonly [string, unknown, unknown])[] = [['type', typeOf(a), typeOf(b)]];
  const isDevice = a.isCharacterDevice() || a.isBlockDevice();
  if (!a.isSymbolicLink()) facts.push(['mode', modeOf(a), modeOf(b)]);
  facts.push(['owner', `${a.uid}:${a.gid}`, `${b.uid}:${b.gid}`]);
  if (a.isFile()) facts.push(['size', a.size, b.size]);
  if (isDevice) facts.push(['device', a.rdev, b.rdev]);
  if (times) facts.push(['mtime', a.mtimeNs, b.mtimeNs]);
  const differing = facts.find(([, x, y]) => x !== y);
  return differing && `${differing[0]} ${String(differing[1])}, at the target ${String(differing[2])}`;
};

const compareLinks = (here: Buffer, there: Buffer): string | undefined => {
  const [a, b] = [here, there].map((path) => readlinkSync(path, { encoding: 'latin1' }));
  return a === b ? undefined : `link target ${a}, at the target ${b}`;
};

const chunkBytes = 1 << 18;
const chunkHere = Buffer.allocUnsafeSlow(chunkBytes);
const chunkThere = Buffer.allocUnsafeSlow(chunkBytes);

const hasSameContent = (here: Buffer, there: Buffer): boolean => {
  const a = openSync(here, 'r');
  try {
    const b = openSync(there, 'r');
    try {
      for (;;) {
        const length = readSync(a, chunkHere, 0, chunkBytes, null);
        if (length !== readSync(b, chunkThere, 0, chunkBytes, null)) return false;
        if (length === 0) return true;
        if (chunkHere.compare(chunkThere, 0, length, 0, length) !== 0) return false;
      }
    } finally {
      closeSync(b);
    }
  } finally {
    closeSync(a);
  }
};
