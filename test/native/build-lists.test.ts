import assert from 'node:assert/strict';
import { closeSync, constants, mkdirSync, openSync, rmdirSync, utimesSync } from 'node:fs';
import { test } from 'node:test';
import { type Change, packChanges, unpackChanges } from '../../src/core/change.js';
import { asRelPath } from '../../src/core/path.js';
import type { FilterRule } from '../../src/core/target.js';
import { type BuildListsOptions, type BuiltLists, loadAddon } from '../../src/native/addon.js';
import { atEnd, type Scope } from '../support/scope.js';
import { type Tree, tempTree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

type Options = Partial<Omit<BuildListsOptions, 'rootFd' | 'changes'>>;

const openRoot = (scope: Scope, tree: Tree): number => {
  const fd = openSync(tree.path, constants.O_RDONLY | constants.O_DIRECTORY);
  atEnd(scope, () => closeSync(fd));
  return fd;
};

/** `kind path` with a, e, d or t for the kind. */
const change = (text: string): Change => {
  const kinds = { a: 'attributes', e: 'entry', d: 'directory', t: 'tree' } as const;
  return { kind: kinds[text[0] as keyof typeof kinds], path: asRelPath(text.slice(2)) };
};
const build = async (
  rootFd: number,
  changes: readonly string[],
  options: Options = {},
): Promise<BuiltLists> =>
  loadAddon().buildLists({
    rootFd,
    rules: [],
    deleteMethod: 'missing-args',
    bigFileBytes: Number.POSITIVE_INFINITY,
    batchBytes: Number.POSITIVE_INFINITY,
    changes: packChanges(changes.map(change)),
    ...options,
  });

const pathsOf = (list: Buffer): string[] => list.toString('latin1').split('\0').slice(0, -1);
const unpack = (packed: Buffer): string[] =>
  [...unpackChanges(packed)].map(({ kind, path }) => `${kind[0]} ${path}`);

const files = {
  'a/b/f': 'four',
  'a/b/g': 'sixsix',
  'a/top': '1',
  'a.b': '22',
  'cache/x': '1',
  'deep/1/2/3/4/f': '1',
  'name\n\xff*': 'odd',
  big: 'x'.repeat(1000),
};

const rows: readonly {
  readonly name: string;
  readonly changes: readonly string[];
  readonly options?: Options;
  readonly list?: readonly string[];
  readonly trees?: readonly string[];
  readonly big?: readonly string[];
  readonly deferred?: readonly string[];
  readonly tooLong?: readonly string[];
  readonly directories?: readonly string[];
  readonly replaced?: readonly string[];
  readonly counts?: Partial<Pick<BuiltLists, 'files' | 'directories' | 'gone' | 'sizeBytes'>>;
}[] = [
  { name: 'nothing changed', changes: [], counts: { files: 0, directories: 0, gone: 0, sizeBytes: 0 } },
  {
    name: 'a file, whatever the kind',
    changes: ['e a/b/f', 'd a/b/g', 't a/top'],
    list: ['./a/b/f', './a/b/g', './a/top'],
    replaced: ['e a/top'],
    counts: { files: 3, directories: 0, sizeBytes: 11 },
  },
  { name: 'names are bytes', changes: ['e name\n\xff*'], list: ['./name\n\xff*'] },
  {
    name: 'the same path twice',
    changes: ['e a/top', 'e a/top'],
    list: ['./a/top'],
    counts: { sizeBytes: 1 },
  },
  {
    name: 'a directory in each kind',
    changes: ['e a', 'd deep/1', 't cache'],
    list: ['./a', './deep/1/'],
    trees: ['./cache'],
    counts: { files: 0, directories: 3 },
  },
  {
    name: 'the directories of which only an entry is sent, parents first',
    changes: [
      'e deep/1',
      'e a/b',
      'e a',
      'd deep',
      't cache',
      'e a/b/f',
      'e link',
      'e ',
      'e a/gone',
      'e link/b',
    ],
    list: ['./', './a/b', './a/b/f', './a/gone', './deep/'],
    trees: ['./cache'],
    directories: ['e a', 'e a/b', 'e deep/1'],
  },
  {
    name: 'gone paths by their parent send no directory as an entry',
    changes: ['e a/x', 'e cache'],
    options: { deleteMethod: 'parent-directory', rules: ['- cache/'] },
    list: ['./a/'],
    directories: [],
  },
  {
    name: 'a directory that was put off is not among them',
    changes: ['e big', 'e a'],
    options: { batchBytes: 1000 },
    list: ['./big'],
    deferred: ['e a'],
    directories: [],
  },
  { name: 'the widest kind of a path', changes: ['e a', 'd a', 'e a'], list: ['./a/'] },
  { name: 'a tree instead of a directory', changes: ['d a', 't a', 'e a'], trees: ['./a'] },
  { name: 'the root is synced one level', changes: ['e '], list: ['./'] },
  { name: 'the root as a directory', changes: ['d '], list: ['./'] },
  { name: 'the root as a tree', changes: ['t ', 'e a/b/f', 'd deep'], trees: ['./'] },
  {
    name: 'a directory covers its immediate entries, gone ones too',
    changes: ['e a/b/f', 'e a/b/gone', 'd a/b', 'e deep/1', 'd deep', 'e a', 'd a/b/h'],
    list: ['./a', './a/b/', './deep/'],
  },
  {
    name: 'a directory does not cover directories in it',
    changes: ['d deep', 'd deep/1', 't deep/1/2'],
    list: ['./deep/', './deep/1/'],
    trees: ['./deep/1/2'],
  },
  {
    name: 'a tree covers all below it, and only that',
    changes: ['t a', 'e a/b/f', 'd a/b', 't a/b', 'e a.b', 'e a/gone'],
    list: ['./a.b'],
    trees: ['./a'],
    counts: { gone: 1 },
  },
  {
    name: 'gone paths become the topmost that is gone',
    changes: ['e a/x/y/z', 'd a/x/y', 't a/x/q', 'e a/b/no', 'e nothing'],
    list: ['./a/b/no', './a/x', './nothing'],
    counts: { gone: 3, files: 0 },
  },
  {
    name: 'gone paths by their parent',
    changes: ['e a/x/y/z', 'e a/x', 'e nothing'],
    options: { deleteMethod: 'parent-directory' },
    list: ['./', './a/'],
    counts: { gone: 2, directories: 2 },
  },
  {
    name: 'gone paths are left alone',
    changes: ['e a/x/y/z', 'e a/top'],
    options: { deleteMethod: 'none' },
    list: ['./a/top'],
    counts: { gone: 1 },
  },
  {
    name: 'a path below a symlink becomes the symlink',
    changes: ['e link/b/f', 'd link', 'd dangling/x', 't link/b'],
    list: ['./dangling', './link'],
    counts: { files: 2, directories: 0, gone: 0 },
  },
  {
    name: 'a path below a file becomes the file',
    changes: ['d a/top/was/here', 'e a/top/f'],
    list: ['./a/top'],
    counts: { files: 1, sizeBytes: 1 },
  },
  {
    name: 'excluded paths and all below excluded directories are left out',
    changes: ['e cache/x', 'd cache', 'e cache', 'e a/b/f', 'e a/b/g', 'd a/b'],
    options: { rules: ['+ g', '- cache/', '- /a/b/*'] },
    list: ['./a/b/'],
  },
  {
    name: 'a rule for directories does not hide a file or a link',
    changes: ['e link/x', 'e a/top/x'],
    options: { rules: ['- link/', '- top/'] },
    list: ['./a/top', './link'],
  },
  {
    name: 'gone and excluded whatever it was',
    changes: ['e gone', 'e a/gone/x', 'e cache/gone'],
    options: { rules: ['- gone', '- cache/'] },
    counts: { gone: 0 },
  },
  {
    name: 'gone, and excluded if it was a directory: the target decides',
    changes: ['e a/gone', 'e deep/gone/x'],
    options: { rules: ['- gone/'] },
    list: ['./a/', './deep/'],
    counts: { gone: 2 },
  },
  {
    name: 'gone, and excluded if it was a file: the target decides',
    changes: ['e a/gone', 'e a/gone.jpg'],
    options: { rules: ['+ */', '+ *.jpg', '- *'] },
    list: ['./a/'],
    counts: { gone: 2 },
  },
  {
    name: 'undecided, but nothing is to be deleted',
    changes: ['e a/gone'],
    options: { rules: ['- gone/'], deleteMethod: 'none' },
    counts: { gone: 1 },
  },
  {
    name: 'big files',
    changes: ['e big', 'e a/top', 'e big/x', 'e a/b/g'],
    options: { bigFileBytes: 6 },
    list: ['./a/top'],
    big: ['e big', 'e a/b/g'],
    counts: { files: 1, sizeBytes: 1 },
  },
  {
    name: 'where subtrees changed and something else stands',
    changes: ['e big', 't big', 't a/top/x', 't a/b', 't link', 't gone/x', 't cache/x', 'd a.b'],
    options: { bigFileBytes: 6, rules: ['- cache/'] },
    list: ['./a/top', './a.b', './gone', './link'],
    trees: ['./a/b'],
    big: ['e big', 't big'],
    replaced: ['e a/top', 'e big', 'e link'],
    counts: { gone: 1 },
  },
  {
    name: 'a file that the rules exclude where a directory was that they include',
    changes: ['t a/top', 'e big', 'd a/b/f'],
    options: { rules: ['+ */', '- *'] },
    list: ['./a/'],
    replaced: [],
    counts: { gone: 1 },
  },
  {
    name: 'what does not fit is deferred, in the order and kind it came in',
    changes: ['e big', 'e big', 't a', 'e a/b/f', 'e gone'],
    options: { batchBytes: 1000 },
    list: ['./big'],
    deferred: ['t a', 'e a/b/f', 'e gone'],
    counts: { gone: 0, sizeBytes: 1000 },
  },
  {
    name: 'at least one change is taken',
    changes: ['e a/b/f', 'e a/b/g'],
    options: { batchBytes: 0 },
    list: ['./a/b/f'],
    deferred: ['e a/b/g'],
  },
  {
    name: 'many changes below what is now one file are one',
    changes: ['e big/1', 'e big/2', 'e a/top', 'e big/3'],
    options: { batchBytes: 1001 },
    list: ['./a/top', './big'],
  },
  {
    name: 'a name that no file can have',
    changes: [`e ${'n'.repeat(256)}`],
    tooLong: [`e ${'n'.repeat(256)}`],
  },
  {
    name: 'an over-long path reduced to what is gone',
    changes: [`e a/gone/${'n/'.repeat(3000)}n`],
    list: ['./a/gone'],
    counts: { gone: 1 },
  },
];

for (const row of rows) {
  test(row.name, async (t) => {
    const tree = tempTree(t, files);
    tree.link('link', 'a');
    tree.link('dangling', '/nowhere');
    const lists = await build(openRoot(t, tree), row.changes, row.options);
    assert.deepEqual(pathsOf(lists.list), row.list ?? []);
    assert.deepEqual(pathsOf(lists.trees), row.trees ?? []);
    assert.deepEqual(unpack(lists.big), row.big ?? []);
    assert.deepEqual(unpack(lists.deferred), row.deferred ?? []);
    assert.deepEqual(unpack(lists.tooLong), row.tooLong ?? []);
    if (row.replaced !== undefined) assert.deepEqual(unpack(lists.replacedTrees), row.replaced);
    if (row.directories !== undefined) assert.deepEqual(unpack(lists.entryDirectories), row.directories);
    for (const [name, count] of Object.entries(row.counts ?? {})) {
      assert.equal(lists[name as keyof BuiltLists], count, name);
    }
  });
}

/** Makes a chain of directories that is deeper than a path may be long; gives its path. */
const makeDeep = (tree: Tree, name: string, levels: number): string => {
  const start = process.cwd();
  try {
    process.chdir(tree.path);
    for (let level = 0; level < levels; level++) {
      mkdirSync(name);
      process.chdir(name);
    }
  } finally {
    process.chdir(start);
  }
  return Array(levels).fill(name).join('/');
};

/** The reverse of {@link makeDeep}: what removes trees elsewhere may stumble over such a depth. */
const removeDeep = (tree: Tree, name: string, levels: number): void => {
  const start = process.cwd();
  try {
    process.chdir(tree.path);
    for (let level = 0; level < levels; level++) process.chdir(name);
    for (let level = 0; level < levels; level++) {
      process.chdir('..');
      rmdirSync(name);
    }
  } finally {
    process.chdir(start);
  }
};

test('paths deeper than rsync can carry are told apart from those that just fit', async (t) => {
  const tree = tempTree(t);
  const name = 'd'.repeat(99);
  const deep = makeDeep(tree, name, 45);
  atEnd(t, () => removeDeep(tree, name, 45));
  const fits = deep.split('/').slice(0, 40).join('/'); // 3999 bytes
  const lists = await build(openRoot(t, tree), [`d ${deep}`, `d ${fits}`, `e ${deep}/gone`]);
  assert.deepEqual(pathsOf(lists.list), [`./${fits}/`]);
  assert.deepEqual(unpack(lists.tooLong), [`e ${deep}`, `e ${deep}/gone`]);
});

test('a gone path that is too long to be listed goes with its parent, where that fits', async (t) => {
  const tree = tempTree(t);
  const name = 'd'.repeat(99);
  const parent = makeDeep(tree, name, 40); // 3999 bytes
  atEnd(t, () => removeDeep(tree, name, 40));
  const longest = `${parent}/${'n'.repeat(93)}`; // 4093 bytes: 4095 with the `./`
  const rootFd = openRoot(t, tree);
  assert.deepEqual(pathsOf((await build(rootFd, [`e ${longest}`])).list), [`./${longest}`]);
  const lists = await build(rootFd, [`e ${longest}x`]);
  assert.deepEqual(pathsOf(lists.list), [`./${parent}/`]);
  assert.deepEqual(unpack(lists.gonePaths), [`e ${longest}x`]);
  assert.deepEqual(unpack(lists.tooLong), []);
});

test('files whose time may have been set are told apart, but for changes of attributes alone', async (t) => {
  const tree = tempTree(t, { 'a/own': '1', 'a/set': '22', 'a/also': '333', 'a/skip.tmp': '4' });
  for (const name of ['set', 'also', 'skip.tmp']) utimesSync(tree.at(`a/${name}`), 1, 1);
  const rootFd = openRoot(t, tree);
  const entries = await build(rootFd, ['e a/own', 'e a/set', 'a a/also']);
  assert.deepEqual(pathsOf(entries.list), ['./a/also', './a/own']);
  assert.deepEqual(pathsOf(entries.checked), ['./a/set']);
  assert.equal(entries.sizeBytes, 6);
  assert.equal(entries.whole, 0);
  const unchecked = await build(rootFd, ['d a']);
  assert.deepEqual(pathsOf(unchecked.checked), []);
  const whole = await build(rootFd, ['d a'], { checks: true, rules: ['- *.tmp'] });
  assert.deepEqual(pathsOf(whole.list), ['./a/']);
  assert.deepEqual(pathsOf(whole.checked), ['./a/also', './a/set']);
  assert.equal(whole.whole, 1);
});

test('hundreds of levels, back and forth', async (t) => {
  const tree = tempTree(t);
  const deep = makeDeep(tree, 'd', 400);
  atEnd(t, () => removeDeep(tree, 'd', 400));
  const names = deep.split('/');
  const changes = [400, 7, 350, 1, 399, 200].map((levels) => `d ${names.slice(0, levels).join('/')}`);
  const gone = [3, 399, 150].map((levels) => `e ${names.slice(0, levels).join('/')}/gone`);
  const lists = await build(openRoot(t, tree), [...changes, ...gone]);
  assert.equal(lists.directories, 6);
  assert.equal(lists.gone, 3);
  assert.equal(pathsOf(lists.list).length, 8); // one of the gone ones is covered by its directory
});

test('a root that was deleted never looks like one whose entries are gone', async (t) => {
  const tree = tempTree(t, {});
  const rootFd = openRoot(t, tree);
  tree.remove('');
  await assert.rejects(build(rootFd, ['e a']), { code: 'ENOENT' });
});

test('malformed changes and paths out of the root are refused', async (t) => {
  const rootFd = openRoot(t, tempTree(t, files));
  for (const path of ['..', 'a/../b', './a', 'a/.', '/a', 'a//b', 'a/']) {
    await assert.rejects(build(rootFd, [`e ${path}`]), { code: 'EINVAL' }, path);
  }
  const broken: readonly string[] = ['x a\0', 'ea'];
  for (const text of broken) {
    const changes = Buffer.from(text, 'latin1');
    const options = {
      rules: [] as FilterRule[],
      deleteMethod: 'none',
      bigFileBytes: 1,
      batchBytes: 1,
    } as const;
    await assert.rejects(loadAddon().buildLists({ rootFd, changes, ...options }), { code: 'EINVAL' });
  }
  await assert.rejects(build(1_000_000, ['e a']), { code: 'EBADF' });
});

/** A directory of 20 files that rested long enough to be sent as a whole. */
const restingDirectory = async (
  t: Scope,
): Promise<{ tree: Tree; rootFd: number; all: readonly string[] }> => {
  const names = Array.from({ length: 20 }, (_, i) => `d/f${i}`);
  const tree = tempTree(t, Object.fromEntries(names.map((name) => [name, 'x'])));
  const rootFd = openRoot(t, tree);
  const all = names.map((name) => `e ${name}`);
  const isWhole = async () => pathsOf((await build(rootFd, all, { crowded })).list).join() === './d/';
  await waitFor(isWhole, { what: 'list of the directory as a whole' });
  return { tree, rootFd, all };
};
const crowded = Buffer.from('d\0');

test('a directory goes as a whole when half of it is listed, and only where that is allowed', async (t) => {
  const { rootFd, all } = await restingDirectory(t);
  const listOf = async (changes: readonly string[], options: Options = {}) =>
    pathsOf((await build(rootFd, changes, options)).list);
  assert.equal((await listOf(all)).length, 20);
  assert.equal((await listOf(all, { crowded: Buffer.from('e\0d/f1\0\0') })).length, 20);
  assert.equal((await listOf(all.slice(0, 15), { crowded })).length, 15);
  assert.deepEqual(await listOf(all.slice(0, 16), { crowded }), ['./d/']);
  assert.deepEqual(await listOf([...all, 'e a'], { crowded, deleteMethod: 'none' }), ['./d/']);
  assert.equal((await listOf(all, { crowded, rules: ['- /d/'] as FilterRule[] })).length, 0);
});

test('a directory does not go as a whole while another file in it is written, or is a big one', async (t) => {
  const { tree, rootFd, all } = await restingDirectory(t);
  const some = all.slice(0, 18);
  const lengthOf = async (options: Options = {}) =>
    pathsOf((await build(rootFd, some, { crowded, ...options })).list).length;
  const writer = openSync(tree.at('d/f19'), 'a');
  assert.equal(await lengthOf(), 18);
  assert.equal(await lengthOf({ rules: ['- f19'] as FilterRule[] }), 1);
  closeSync(writer);
  assert.equal(await lengthOf(), 1);
  tree.append('d/f19', 'y'.repeat(100));
  assert.equal(await lengthOf({ bigFileBytes: 100 }), 18);
});

test('a directory that holds another one does not go as a whole, unless that is excluded', async (t) => {
  const { tree, rootFd, all } = await restingDirectory(t);
  tree.makeDirectory('d/sub');
  const isWhole = async (rules: readonly string[]) =>
    pathsOf((await build(rootFd, all, { crowded, rules: rules as FilterRule[] })).list).length === 1;
  await waitFor(() => isWhole(['- sub/']), { what: 'rest' });
  assert.equal(await isWhole([]), false);
});

test('what was put off does not come along with its directory', async (t) => {
  const { rootFd, all } = await restingDirectory(t);
  const { list, deferred } = await build(rootFd, all, { crowded, batchBytes: 19 });
  assert.equal(pathsOf(list).length, 19);
  assert.deepEqual(unpack(deferred), ['e d/f19']);
});
