import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, linkSync, lutimesSync, mkdirSync, utimesSync } from 'node:fs';
import { test } from 'node:test';
import { compareTrees } from '../../support/compare-trees.js';
import { type Tree, tempTree } from '../../support/temp-tree.js';

const oddName = 'odd \xff\n*';
const fill = (tree: Tree): void => {
  tree.write('a/file', 'content');
  tree.write('a/empty', '');
  tree.write(`b/${oddName}`, 'bytes');
  tree.makeDirectory('b/none');
  tree.link('link', 'a/file');
  tree.link('dangling', '\xfe');
  execFileSync('mkfifo', [`${tree.path}/fifo`]);
  tree.write('big', Buffer.alloc(300_000, 7));
};
/** Sets the times of everything that the cases touch, so that only what a case is about differs. */
const settle = (tree: Tree): void => {
  const files = [
    'a/file',
    'a/empty',
    `b/${oddName}`,
    'b/none',
    'link',
    'dangling',
    'fifo',
    'big',
    'a',
    'b',
    '',
  ];
  for (const path of files) lutimesSync(tree.at(path), 1_700_000_000, 1_700_000_000);
};

const cases: readonly (readonly [string, (tree: Tree) => void, RegExp])[] = [
  ['a missing file', (tree) => tree.remove('a/file'), /^a\/file: missing at the target$/],
  ['a file too many', (tree) => tree.write('a/extra', ''), /^a\/extra: only at the target$/],
  ['a directory too many', (tree) => tree.makeDirectory('b/none/x'), /^b\/none\/x: only at the target$/],
  ['a name of other bytes', (tree) => tree.move(`b/${oddName}`, 'b/odd'), /odd \\xff\\x0a\*: missing/],
  ['another size', (tree) => tree.append('a/file', '+'), /^a\/file: size 7, at the target 8$/],
  ['another content', (tree) => tree.write('a/file', 'Content'), /^a\/file: content differs$/],
  ['a byte far behind', (tree) => tree.write('big', bigChanged()), /^big: content differs$/],
  ['another mode', (tree) => chmodSync(tree.at('a/file'), 0o4711), /^a\/file: mode 644, at the target 4711$/],
  [
    'another mode of a directory',
    (tree) => chmodSync(tree.at('b'), 0o700),
    /^b: mode 755, at the target 700$/,
  ],
  ['another target', (tree) => relink(tree), /^link: link target a\/file, at the target a\/empty$/],
  ['a directory for a file', (tree) => flip(tree), /^a\/empty: type file, at the target directory$/],
  ['a file for a pipe', (tree) => unpipe(tree), /^fifo: type fifo, at the target file$/],
];

const bigChanged = (): Buffer => {
  const content = Buffer.alloc(300_000, 7);
  content[290_000] = 8;
  return content;
};
const relink = (tree: Tree): void => {
  tree.remove('link');
  tree.link('link', 'a/empty');
};
const flip = (tree: Tree): void => {
  tree.remove('a/empty');
  mkdirSync(tree.at('a/empty'));
};
const unpipe = (tree: Tree): void => {
  tree.remove('fifo');
  tree.write('fifo', '');
};

for (const [name, change, expected] of cases) {
  test(`a comparison finds ${name}`, async (t) => {
    const [source, target] = [tempTree(t), tempTree(t)];
    for (const tree of [source, target]) fill(tree);
    change(target);
    for (const tree of [source, target]) settleWhatIsThere(tree);
    const found = await compareTrees(source.path, target.path);
    assert.ok(
      found.some((line) => expected.test(line)),
      `${expected} in ${JSON.stringify(found)}`,
    );
  });
}

const settleWhatIsThere = (tree: Tree): void => {
  try {
    settle(tree);
  } catch {
    for (const path of ['a', 'b', '']) lutimesSync(tree.at(path), 1_700_000_000, 1_700_000_000);
  }
};

test('a comparison finds a difference of one nanosecond, of files, directories and links', async (t) => {
  const [source, target] = [tempTree(t), tempTree(t)];
  for (const tree of [source, target]) {
    fill(tree);
    settle(tree);
  }
  assert.deepEqual(await compareTrees(source.path, target.path), []);
  for (const path of ['a/file', 'link', 'b/none', 'fifo', '']) {
    execFileSync('touch', ['-h', '-d', '@1700000000.000000001', target.at(path).toString()]);
    const found = await compareTrees(source.path, target.path);
    assert.deepEqual(found, [`${path || '.'}: mtime 1700000000000000000, at the target 1700000000000000001`]);
    settle(target);
  }
});

test('a comparison finds other owners', { skip: process.getuid?.() !== 0 && 'needs root' }, async (t) => {
  const [source, target] = [tempTree(t, { f: '' }), tempTree(t, { f: '' })];
  chownSync(target.at('f'), 1, 2);
  for (const tree of [source, target]) for (const path of ['f', '']) utimesSync(tree.at(path), 1, 1);
  assert.deepEqual(await compareTrees(source.path, target.path), ['f: owner 0:0, at the target 1:2']);
});

test('equal trees are equal, whatever is excluded, and names of one file are compared alone', async (t) => {
  const [source, target] = [tempTree(t), tempTree(t)];
  for (const tree of [source, target]) fill(tree);
  linkSync(source.at('a/file'), source.at('a/second'));
  target.write('a/second', 'content');
  source.write('skipped/here', '1');
  target.write('a/skipped', '2');
  for (const tree of [source, target]) {
    settle(tree);
    utimesSync(tree.at('a/second'), 1_700_000_000, 1_700_000_000);
    for (const path of ['a', '']) lutimesSync(tree.at(path), 1_700_000_000, 1_700_000_000);
  }
  const exclude = (path: string) => path.endsWith('skipped');
  assert.deepEqual(await compareTrees(source.path, target.path, { exclude }), []);
  assert.equal((await compareTrees(source.path, target.path)).length, 2);
});
