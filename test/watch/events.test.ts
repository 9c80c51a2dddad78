import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  truncateSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { test } from 'node:test';
import { record, told } from '../support/recorder.js';
import { type Tree, tempDirectory, tempTree } from '../support/temp-tree.js';

/** What is done in a tree that holds `d/f`, `d/g` and `e/`, and what has to be told. */
const acts: Record<string, { act: (tree: Tree) => void; expected: string[] }> = {
  'a file is written': { act: (tree) => tree.write('d/new', 'x'), expected: ['entry:d/new'] },
  'a file is appended to': { act: (tree) => tree.append('d/f', 'x'), expected: ['entry:d/f'] },
  'a file is removed': { act: (tree) => tree.remove('d/f'), expected: ['entry:d/f'] },
  'a file is renamed': { act: (tree) => tree.move('d/f', 'e/h'), expected: ['entry:d/f', 'entry:e/h'] },
  'a file replaces another': { act: (tree) => tree.move('d/f', 'd/g'), expected: ['entry:d/f', 'entry:d/g'] },
  'the mode changes': { act: (tree) => chmodSync(tree.at('d/f'), 0o600), expected: ['attributes:d/f'] },
  'the times change': { act: (tree) => utimesSync(tree.at('d/f'), 1, 1), expected: ['attributes:d/f'] },
  "a directory's mode changes": { act: (tree) => chmodSync(tree.at('d'), 0o700), expected: ['entry:d'] },
  "the root's mode changes": { act: (tree) => chmodSync(tree.at(''), 0o711), expected: ['entry:'] },
  'a file is truncated by its path': {
    act: (tree) => truncateSync(tree.at('d/f'), 1),
    expected: ['entry:d/f'],
  },
  'a symlink is made': { act: (tree) => tree.link('d/l', 'nowhere'), expected: ['entry:d/l'] },
  'a FIFO is made': {
    act: (tree) => execFileSync('mkfifo', [String(tree.at('d/p'))]),
    expected: ['entry:d/p'],
  },
  'a hard link is made': { act: (tree) => linkSync(tree.at('d/f'), tree.at('e/f')), expected: ['entry:e/f'] },
  'a directory is made': { act: (tree) => mkdirSync(tree.at('e/n')), expected: ['entry:e/n'] },
  'a directory is removed': { act: (tree) => tree.remove('e'), expected: ['tree:e'] },
  'a directory is renamed': { act: (tree) => tree.move('d', 'e/m'), expected: ['tree:d', 'tree:e/m'] },
};
for (const [name, { act, expected }] of Object.entries(acts)) {
  test(name, async (t) => {
    const tree = tempTree(t, { 'd/f': 'one', 'd/g': 'two', 'e/x': '' });
    tree.remove('e/x');
    const recorder = await record(t, tree.path, { settleMs: 10 });
    act(tree);
    const last = expected.at(-1) ?? '';
    assert.deepEqual(told(await recorder.until(last.slice(last.indexOf(':') + 1))), expected);
  });
}

test('nothing is told of what the first walk finds', async (t) => {
  const tree = tempTree(t, { 'a/b/c': '1', 'a/d': '2' });
  const recorder = await record(t, tree.path);
  assert.deepEqual(recorder.messages, [{ type: 'live', directories: 3, entries: 4 }]);
  assert.deepEqual(await recorder.take(), []);
});

test('a directory that leaves the tree is watched no more', async (t) => {
  const outside = tempDirectory(t);
  const tree = tempTree(t, { 'd/e/f': '1' });
  const recorder = await record(t, tree.path);
  renameSync(tree.at('d'), `${outside}/d`);
  assert.deepEqual(told(await recorder.until('d')), ['tree:d']);
  while (recorder.native.stats().watches > 1) await recorder.native.drain();
  tree.write('x', '');
  assert.deepEqual(told(await recorder.until('x')), ['entry:x']);
});

test('a directory that comes into the tree is told with all below it, and watched', async (t) => {
  const outside = tempTree(t, { 'd/e/f': '1' });
  const tree = tempTree(t);
  const recorder = await record(t, tree.path);
  renameSync(outside.at('d'), tree.at('n'));
  assert.deepEqual(told(await recorder.take()), ['tree:n']);
  assert.equal(recorder.native.stats().watches, 3);
  tree.write('n/e/g', '');
  assert.deepEqual(told(await recorder.until('n/e/g')), ['entry:n/e/g']);
});

test('two directories change places', async (t) => {
  const tree = tempTree(t, { 'a/one/x': '1', 'b/two/x': '2' });
  const recorder = await record(t, tree.path);
  execFileSync('python3', [
    '-c',
    'import ctypes, sys; sys.exit(ctypes.CDLL(None).renameat2(-100, sys.argv[1].encode(), -100, sys.argv[2].encode(), 2))',
    String(tree.at('a')),
    String(tree.at('b')),
  ]);
  assert.deepEqual(told(await recorder.take()), ['tree:a', 'tree:b']);
  tree.write('a/two/y', '');
  tree.write('b/one/y', '');
  assert.deepEqual(
    told(await recorder.take()).filter((change) => change.endsWith('y')),
    ['entry:a/two/y', 'entry:b/one/y'],
  );
});

test('what is excluded is not told, but the times of its directory are', async (t) => {
  const tree = tempTree(t, { 'd/f': '1', 'd/skip/g': '1' });
  const recorder = await record(t, tree.path, { rules: ['- *.tmp', '- skip/'] });
  assert.equal(recorder.native.stats().watches, 2);
  tree.write('d/x.tmp', '1');
  tree.write('d/skip/h', '1');
  assert.deepEqual(told(await recorder.take()), ['entry:d']);
  renameSync(tree.at('d/x.tmp'), tree.at('d/x'));
  assert.deepEqual(told(await recorder.take()), ['entry:d', 'entry:d/x']);
});

test('a rename changes what a rule for paths hides', async (t) => {
  const tree = tempTree(t, { 'a/tmp/f': '1', 'a/keep/f': '1' });
  const recorder = await record(t, tree.path, { rules: ['- /a/tmp/', '- /b/keep/'] });
  tree.move('a', 'b');
  assert.deepEqual(told(await recorder.take()), ['tree:a', 'tree:b']);
  tree.write('b/tmp/f', '2');
  tree.write('b/keep/f', '2');
  assert.deepEqual(told(await recorder.until('b/tmp/f')), ['entry:b/tmp/f']);
});

test('odd bytes in names come through', async (t) => {
  const tree = tempTree(t);
  const recorder = await record(t, tree.path);
  const name = Array.from({ length: 255 }, (_, i) => String.fromCharCode(i + 1))
    .join('')
    .replace('/', '_');
  tree.write(`${name}/${name}`, '1');
  const changes = await recorder.until(`${name}/${name}`);
  assert.ok(changes.some(({ path }) => path === `${name}/${name}`));
});

test('attrib: false leaves out changes of attributes alone', async (t) => {
  const tree = tempTree(t, { 'd/f': '1' });
  const recorder = await record(t, tree.path, { attrib: false });
  chmodSync(tree.at('d/f'), 0o600);
  chmodSync(tree.at('d'), 0o700);
  tree.append('d/f', '2');
  assert.deepEqual(told(await recorder.take()), ['entry:d/f']);
  chmodSync(tree.at('d/f'), 0o644);
  assert.deepEqual(await recorder.take(), []);
});

// What the watcher is doing at that moment decides whether it hears of it or finds nothing in its place.
for (const [name, lose, reason] of [
  ['removed', (tree: Tree) => tree.remove(''), /deleted|not there/],
  ['moved', (tree: Tree) => renameSync(tree.at(''), `${tree.path}.gone`), /moved|not there/],
] as const) {
  test(`the root is ${name}`, async (t) => {
    const tree = tempTree(t, { 'd/f': '1' });
    const recorder = await record(t, tree.path);
    lose(tree);
    assert.match((await recorder.message('root-lost')).reason, reason);
    await assert.rejects(recorder.native.drain(), { code: 'ECANCELED' });
    if (name === 'moved') renameSync(`${tree.path}.gone`, tree.path);
  });
}

test('a root that is missing is an error', async (t) => {
  const { Recorder } = await import('../support/recorder.js');
  const recorder = new Recorder({ root: `${tempDirectory(t)}/none`, rules: [] });
  const { code, syscall } = await recorder.message('error');
  assert.deepEqual([code, syscall], ['ENOENT', 'open']);
  await recorder.native.close();
});

test('a file that is open is told when it is closed', async (t) => {
  const tree = tempTree(t, { f: '1' });
  const recorder = await record(t, tree.path);
  const fd = openSync(tree.at('f'), 'w');
  writeSync(fd, '2');
  closeSync(fd);
  assert.deepEqual(told(await recorder.take()), ['entry:f']);
});
