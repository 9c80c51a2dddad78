import {
  appendFileSync,
  chmodSync,
  closeSync,
  type Dirent,
  ftruncateSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { ChurnWorkerData } from './churn.js';
import { Random } from './random.js';
import { bytesOf } from './temp-tree.js';

// Several of these run at the same time in one tree and get into each other's way: that is the point of it.

const { root, seed, operations, wildLinks } = workerData as ChurnWorkerData;
const random = new Random(seed);
const isRoot = process.getuid?.() === 0;
/** Fewer entries than this: nothing is deleted. */
const sparse = 200;
/** More entries than this: big trees are deleted as well. */
const crowded = 3_000;
const maxDepth = 8;
/** Entries of one copied tree. */
const maxCopied = 200;

// Few names, so that operations often meet on one path.
const names = [
  'a',
  'b',
  'c',
  'd',
  'photo.jpg',
  'index.html',
  '.hidden',
  'x.tmp',
  ' ',
  'with blank ',
  '#hash',
  ';semicolon',
  '-dash',
  '--delete',
  'new\nline',
  'tab\tand\rcr',
  'star*?[x]',
  'back\\slash',
  'quote\'s"',
  '$HOME`id`',
  '\x01\x7f',
  '\xc3\xa4\xc3\xb6', // äö
  '\xff\xfe\x80', // no UTF-8
  'n'.repeat(255),
];

const at = (path: string): Buffer => bytesOf(root, path);
const join = (directory: string, name: string): string => (directory === '' ? name : `${directory}/${name}`);
const depthOf = (path: string): number => (path === '' ? 0 : path.split('/').length);

const entriesOf = (directory: string): Dirent<Buffer>[] =>
  readdirSync(at(directory), { withFileTypes: true, encoding: 'buffer' }) as unknown as Dirent<Buffer>[];
const nameOf = (entry: Dirent<Buffer>): string => entry.name.toString('latin1');

/** Some directory: walks down from the root, deeper with each lucky draw. */
const someDirectory = (): string => {
  let path = '';
  while (depthOf(path) < maxDepth && random.chance(0.7)) {
    const below = entriesOf(path).filter((entry) => entry.isDirectory());
    if (below.length === 0) break;
    path = join(path, nameOf(random.pick(below)));
  }
  return path;
};

const some = (matches: (entry: Dirent<Buffer>) => boolean): string => {
  for (let tries = 0; tries < 8; tries++) {
    const directory = someDirectory();
    const found = entriesOf(directory).filter(matches);
    if (found.length > 0) return join(directory, nameOf(random.pick(found)));
  }
  throw new NothingThere();
};
const someFile = (): string => some((entry) => entry.isFile());
const someEntry = (): string => some(() => true);
const someSubdirectory = (): string => some((entry) => entry.isDirectory());
/** An entry that may go: none of a sparse tree, and a big one only of a crowded tree; so the size stays in bounds. */
const someExpendable = (matches: (entry: Dirent<Buffer>) => boolean = () => true): string => {
  const path = some(matches);
  const count = countEntries('', crowded);
  const isBig = lstatSync(at(path)).isDirectory() && countEntries(path, 40) >= 40;
  if (count < sparse || (isBig && count < crowded)) throw new NothingThere();
  return path;
};
const newPath = (): string => join(someDirectory(), random.pick(names));

class NothingThere extends Error {
  readonly code = 'NOTHING_THERE';
}

const content = (): Buffer => {
  const kind = random.next();
  return random.bytes(kind < 0.1 ? 0 : kind < 0.9 ? random.below(2_000) : random.below(200_000));
};

const withFile = (path: string, flags: string, action: (fd: number) => void): void => {
  const fd = openSync(at(path), flags);
  try {
    action(fd);
  } finally {
    closeSync(fd);
  }
};

const countEntries = (directory: string, limit: number): number => {
  let count = 0;
  const waiting = [directory];
  for (let path = waiting.pop(); path !== undefined && count < limit; path = waiting.pop()) {
    for (const entry of entriesOf(path)) {
      count++;
      if (entry.isDirectory()) waiting.push(join(path, nameOf(entry)));
    }
  }
  return count;
};

// None can be written through to anything outside the tree: the directories that they name there don't exist.
const linkTargets = ['a', 'b/c', '../imgsync-none/b', 'photo.jpg', '.', '..', 'missing', '\xff', 'x y'];
const wildLinkTargets = ['/nowhere/at/all', '../../../../../../../../../../nowhere/at/all', '/'];

const actions: Readonly<Record<string, () => void>> = {
  create: () => writeFileSync(at(newPath()), content(), { flag: 'wx' }),
  append: () => appendFileSync(at(someFile()), content()),
  rewrite: () => writeFileSync(at(someFile()), content()),
  rewriteSameSize: () => {
    const path = someFile();
    withFile(path, 'r+', (fd) => writeSync(fd, random.bytes(Math.min(lstatSync(at(path)).size, 4_096)), 0));
  },
  saveByRename: () => {
    const path = random.chance(0.7) ? someFile() : newPath();
    const temporary = `${path.slice(0, path.lastIndexOf('/') + 1)}.save-${random.below(1_000)}~`;
    writeFileSync(at(temporary), content());
    renameSync(at(temporary), at(path));
  },
  truncate: () => truncateSync(at(someFile()), random.below(1_000)),
  truncateOpen: () =>
    withFile(someFile(), 'r+', (fd) => {
      ftruncateSync(fd, random.below(500));
      writeSync(fd, content(), 0, null, 0);
    }),
  move: () => renameSync(at(someEntry()), at(newPath())),
  moveDirectory: () => renameSync(at(someSubdirectory()), at(newPath())),
  moveOver: () => renameSync(at(someEntry()), at(someExpendable())),
  swapDirectories: () => {
    const [a, b] = [someSubdirectory(), someSubdirectory()];
    const aside = `swap-${seed}-${random.below(1_000)}`;
    renameSync(at(a), at(aside));
    try {
      renameSync(at(b), at(a));
      renameSync(at(aside), at(b));
    } catch (error) {
      rmSync(at(aside), { recursive: true, force: true });
      throw error;
    }
  },
  remove: () => unlinkSync(at(someExpendable((entry) => !entry.isDirectory()))),
  deleteTree: () => rmSync(at(someExpendable()), { recursive: true }),
  symlink: () => {
    const targets = wildLinks ? [...linkTargets, ...wildLinkTargets] : linkTargets;
    symlinkSync(Buffer.from(random.pick(targets), 'latin1'), at(newPath()));
  },
  hardLink: () => linkSync(at(someFile()), at(newPath())),
  changeLinked: () => {
    const [path, second] = [someFile(), newPath()];
    linkSync(at(path), at(second));
    appendFileSync(at(random.chance(0.5) ? path : second), content());
    if (random.chance(0.5)) chmodSync(at(random.chance(0.5) ? path : second), 0o600 + random.below(0o100));
  },
  chmod: () => {
    const path = someEntry();
    const stat = lstatSync(at(path));
    if (stat.isSymbolicLink()) throw new NothingThere();
    chmodSync(at(path), stat.isDirectory() ? 0o700 + random.below(0o100) : 0o400 + random.below(0o400));
  },
  chown: () => {
    if (isRoot) lchownSync(at(someEntry()), random.below(5), random.below(5));
  },
  touch: () => {
    const seconds = 1_600_000_000 + random.below(100_000_000) + random.next();
    lutimesSync(at(someEntry()), seconds, seconds);
  },
  flipToDirectory: () => {
    const path = someFile();
    unlinkSync(at(path));
    mkdirSync(at(path));
    for (let i = random.below(4); i > 0; i--) writeFileSync(at(join(path, random.pick(names))), content());
  },
  flipToFile: () => {
    const path = someExpendable((entry) => entry.isDirectory());
    rmSync(at(path), { recursive: true });
    writeFileSync(at(path), content());
  },
  flipToLink: () => {
    const path = someExpendable();
    rmSync(at(path), { recursive: true });
    symlinkSync(random.pick(linkTargets), at(path));
  },
  deepDirectories: () => {
    let path = someDirectory();
    for (let i = 2 + random.below(5); i > 0; i--) path = join(path, random.pick(names));
    mkdirSync(at(path), { recursive: true });
    writeFileSync(at(join(path, random.pick(names))), content());
  },
  copyTree: () => {
    const [from, to] = [someSubdirectory(), newPath()];
    if (`${to}/`.startsWith(`${from}/`) || countEntries(from, maxCopied) >= maxCopied)
      throw new NothingThere();
    copyTree(from, to, { left: maxCopied });
  },
};

/**
 * Like `cp -a`; node's own copy takes no names that are not UTF-8. Ends when the budget is spent: a tree that somebody
 * moves into itself meanwhile would be copied for ever.
 */
const copyTree = (from: string, to: string, budget: { left: number }): void => {
  if (budget.left-- === 0) throw new NothingThere();
  const stat = lstatSync(at(from));
  if (stat.isSymbolicLink()) {
    symlinkSync(readlinkSync(at(from), { encoding: 'buffer' }), at(to));
  } else if (stat.isDirectory()) {
    mkdirSync(at(to));
    for (const entry of entriesOf(from)) copyTree(join(from, nameOf(entry)), join(to, nameOf(entry)), budget);
  } else {
    // Not copyFileSync: libuv never ends when somebody truncates the file meanwhile.
    writeFileSync(at(to), readFileSync(at(from)), { flag: 'wx', mode: stat.mode });
  }
  lutimesSync(at(to), stat.atime, stat.mtime);
};

/** What happens when somebody else was quicker. */
const expected = new Set([
  'NOTHING_THERE',
  'ENOENT',
  'EEXIST',
  'ENOTDIR',
  'EISDIR',
  'ENOTEMPTY',
  'EINVAL',
  'ELOOP',
  'ENAMETOOLONG',
  'EPERM',
  'EACCES',
  'ETXTBSY',
  'EBUSY',
]);

/** Node 24 and newer have no code for some of what others do in a directory while it is removed. */
const isExpected = ({ code = '', syscall }: NodeJS.ErrnoException): boolean =>
  expected.has(code) || (code === '' && syscall === 'rm');

const run = (): Record<string, number> => {
  const counts: Record<string, number> = {};
  const all = Object.entries(actions);
  for (let i = 0; i < operations; i++) {
    const [name, action] = random.pick(all);
    try {
      action();
      counts[name] = (counts[name] ?? 0) + 1;
    } catch (error) {
      if (!isExpected(error as NodeJS.ErrnoException)) throw error;
    }
  }
  return counts;
};

parentPort?.postMessage(run());
