import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, fstatSync, readFileSync, utimesSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { parentOf } from '../../src/core/path.js';
import type { FilterRule } from '../../src/core/target.js';
import { loadAddon, type ScanOptions } from '../../src/native/addon.js';
import { type ScannedDirectory, scanDirectories, unpackScan } from '../../src/watch/scan.js';
import { record } from '../support/recorder.js';
import { MemoryDisk, unlessMounting } from '../support/root.js';
import { run } from '../support/run.js';
import { atEnd } from '../support/scope.js';
import { Tree, tempTree } from '../support/temp-tree.js';

const unknown = '\0'.repeat(16);

const scan = async (tree: Tree, options: Partial<ScanOptions> = {}) =>
  scanDirectories({
    root: tree.path,
    rules: [],
    crossMounts: true,
    digests: false,
    threads: 2,
    ...options,
  });

/** path -> number of entries */
const counts = (directories: Awaited<ReturnType<typeof scan>>) =>
  Object.fromEntries(directories.map(({ path, entries }) => [path, entries]));

const digestOf = async (tree: Tree, directory: string, rules: readonly FilterRule[] = []) => {
  const directories = Buffer.from(`${directory}\0`, 'latin1');
  const records = await loadAddon().digestDirectories({ root: tree.path, rules, directories });
  return [...unpackScan(records)][0]?.digest;
};

test('the walk of a watcher brings what a scan finds, if asked', async (t) => {
  const tree = tempTree(t, { 'a/b/c/f': '', 'a/f': '', 'a.b/f': '', 'x\n\xff/y/f': '', 'hidden/f': '' });
  for (let i = 0; i < 200; i++) tree.makeDirectory(`many/${i}/below`);
  const rules: FilterRule[] = ['- /hidden/', '- *.tmp'];
  const { scan: found } = await (await record(t, tree.path, { rules, digests: true })).message('live');
  assert.ok(found !== undefined);
  const byPath = (directories: Iterable<ScannedDirectory>) =>
    [...directories].sort((a, b) => (a.path < b.path ? -1 : 1));
  assert.deepEqual(byPath(unpackScan(found)), byPath(await scan(tree, { rules, digests: true })));
  const others = new Set<string>();
  for (const { path } of unpackScan(found)) {
    const parent = parentOf(path);
    assert.ok(parent === undefined || others.has(parent), path);
    others.add(path);
  }
  const { scan: unasked } = await (await record(t, tree.path)).message('live');
  assert.equal(unasked, undefined);
});

test('a scan lists every directory, parents before children', async (t) => {
  const tree = tempTree(t, { 'a/b/c/f': '', 'a/f': '', 'a.b/f': '', 'x\n\xff/y/f': '' });
  tree.makeDirectory('empty');
  tree.link('link', 'a');
  for (const options of [{ threads: 1 }, { threads: 4 }, { threads: 0 }, { digests: true }]) {
    const found = await scan(tree, options);
    assert.deepEqual(counts(found), {
      '': 5,
      a: 2,
      'a/b': 1,
      'a/b/c': 1,
      'a.b': 1,
      empty: 0,
      'x\n\xff': 1,
      'x\n\xff/y': 1,
    });
    const seen = new Set<string>();
    for (const { path, digest } of found) {
      if (path !== '') assert.ok(seen.has(path.split('/').slice(0, -1).join('/')), path);
      seen.add(path);
      assert.equal(digest === unknown, options.digests !== true);
    }
  }
});

test('what the rules exclude is not counted and not entered', async (t) => {
  const tree = tempTree(t, { 'a/b/f': '', 'a/x.tmp': '', 'cache/a/f': '', 'b/cache': '' });
  const found = await scan(tree, { rules: ['- *.tmp', '- cache/'], digests: true });
  assert.deepEqual(counts(found), { '': 2, a: 1, 'a/b': 1, b: 1 });
});

test('a scan needs a root', async (t) => {
  const tree = tempTree(t, { file: '' });
  const options = { rules: [], crossMounts: true, digests: false, threads: 1 };
  await assert.rejects(loadAddon().scanTree({ root: `${tree.path}/none`, ...options }), {
    code: 'ENOENT',
    syscall: 'open',
    path: `${tree.path}/none`,
  });
  await assert.rejects(loadAddon().scanTree({ root: `${tree.path}/file`, ...options }), { code: 'ENOTDIR' });
});

test('the digests of single directories are those of a scan', async (t) => {
  const tree = tempTree(t, { 'a/b/f': '1', 'a/g': '2', 'cache/f': '3', h: '4' });
  const rules: FilterRule[] = ['- cache/'];
  const scanned = await scan(tree, { rules, digests: true });
  const directories = Buffer.from(['a/b', '', 'a/g', 'a', 'gone', 'cache', 'a', ''].join('\0'), 'latin1');
  const records = await loadAddon().digestDirectories({ root: tree.path, rules, directories });
  const byPath = (a: { path: string }, b: { path: string }) => (a.path < b.path ? -1 : 1);
  assert.deepEqual([...unpackScan(records)].sort(byPath), scanned.sort(byPath));
});

test('a scan can begin at some directories', async (t) => {
  const tree = tempTree(t, { 'a/b/f': '', 'a/g': '', 'b/c': '', 'cache/a/f': '', d: '' });
  const rules: FilterRule[] = ['- cache/'];
  const from = Buffer.from(['a/b', 'b', 'gone/x', 'cache/a', 'd', ''].join('\0'), 'latin1');
  const whole = await scan(tree, { rules, digests: true });
  const found = await scan(tree, { rules, digests: true, from });
  assert.deepEqual(
    found.sort((a, b) => (a.path < b.path ? -1 : 1)),
    whole.filter(({ path }) => ['a/b', 'b'].includes(path)),
  );
  assert.deepEqual(await scan(tree, { from: Buffer.alloc(0) }), []);
});

test('a digest changes with what is in the directory, and only with that', async (t) => {
  const tree = tempTree(t, { 'd/f': 'one', 'd/sub/x': '1' });
  let last = await digestOf(tree, 'd');
  const changed = async (what: string, change: () => void) => {
    change();
    const now = await digestOf(tree, 'd');
    assert.notEqual(now, last, what);
    last = now;
  };
  const unchanged = async (what: string, change: () => void) => {
    change();
    assert.equal(await digestOf(tree, 'd'), last, what);
  };
  await unchanged('nothing', () => {});
  await changed('content', () => tree.write('d/f', 'three'));
  await changed('new file', () => tree.write('d/g', ''));
  await changed('rename', () => tree.move('d/g', 'd/h'));
  await changed('new link', () => tree.link('d/l', 'f'));
  await changed('link retargeted', () => {
    tree.remove('d/l');
    tree.link('d/l', 'g');
  });
  await changed('new directory', () => tree.makeDirectory('d/empty'));
  await changed('a directory replaced by another one', () => {
    tree.makeDirectory('other');
    tree.remove('d/empty');
    tree.move('other', 'd/empty');
  });
  await unchanged('content of a subdirectory', () => tree.write('d/sub/y', '2'));
  await unchanged('a neighbour', () => tree.write('e/y', '2'));
  await changed('mode of the directory', () => chmodSync(tree.at('d'), 0o700));
  await changed('an entry that came and went', () => {
    tree.write('d/short', '');
    tree.remove('d/short');
  });
  await changed('time of the directory', () => utimesSync(tree.at('d'), 1, 1));
  const before = await digestOf(tree, 'd', ['- *.tmp']);
  tree.write('d/x.tmp', '');
  utimesSync(tree.at('d'), 1, 1);
  assert.equal(await digestOf(tree, 'd', ['- *.tmp']), before, 'an excluded file');
});

test('the digest of an empty directory is not that of an unknown one', async (t) => {
  const tree = tempTree(t);
  tree.makeDirectory('empty');
  assert.notEqual(await digestOf(tree, 'empty'), unknown);
  assert.equal(await digestOf(tree, 'gone'), undefined);
});

test('what is mounted below the root can be left out, also from the same file system', {
  skip: unlessMounting,
}, async (t) => {
  const tree = tempTree(t, { 'a/disk/f': '', 'a/bound/f': '', 'a/b/f': '', 'other/c/f': '' });
  const disk = await MemoryDisk.mount(t, '1m', tree.at('a/disk').toString());
  await run('mount', ['--bind', tree.at('other').toString(), tree.at('a/bound').toString()]);
  atEnd(t, () => spawnSync('umount', ['-l', tree.at('a/bound').toString()]));
  new Tree(disk.path).makeDirectory('inside');
  const from = Buffer.from('a\0', 'latin1');
  const all = { a: 3, 'a/b': 1, 'a/bound': 1, 'a/bound/c': 1, 'a/disk': 1, 'a/disk/inside': 0 };
  assert.deepEqual(counts(await scan(tree, { from, mounted: true })), all);
  assert.deepEqual(counts(await scan(tree, { from, mounted: false })), { a: 3, 'a/b': 1 });
  const top = Buffer.from('a/disk\0', 'latin1');
  assert.deepEqual(counts(await scan(tree, { from: top, mounted: false })), {});
  // The root itself may be one.
  assert.deepEqual(counts(await scan(new Tree(disk.path), { mounted: false })), { '': 1, inside: 0 });
});

test('a worker may end while it scans', async (t) => {
  const tree = tempTree(t);
  for (let i = 0; i < 300; i++) tree.makeDirectory(`d${i}/e`);
  const addon = new URL('../../src/native/addon.js', import.meta.url).href;
  const script = `
    import { parentPort, workerData } from 'node:worker_threads';
    const { loadAddon } = await import(workerData.addon);
    for (let i = 0; i < 20; i++) void loadAddon().scanTree(workerData.options);
    parentPort.postMessage('scanning');`;
  const options = { root: tree.path, rules: [], crossMounts: true, digests: true, threads: 2 };
  for (let i = 0; i < 5; i++) {
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`), {
      workerData: { addon, options },
    });
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    await worker.terminate();
  }
});

test('a memory file holds the bytes and nothing can change it', () => {
  const bytes = Buffer.from('a\0b\xff'.repeat(100_000), 'latin1');
  const fd = loadAddon().memoryFile(bytes);
  try {
    assert.equal(fstatSync(fd).size, bytes.length);
    assert.deepEqual(readFileSync(fd), bytes);
    assert.throws(() => writeSync(fd, 'x', 0), { code: 'EPERM' });
  } finally {
    closeSync(fd);
  }
});
