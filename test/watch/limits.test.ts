import assert from 'node:assert/strict';
import { chmodSync, chownSync } from 'node:fs';
import { test } from 'node:test';
import { coverOf, told } from '../support/recorder.js';
import { limited, nobody, unlessMounting, unlessNamespaces, unlessRoot } from '../support/root.js';
import { tempTree } from '../support/temp-tree.js';
import { watchInProcess } from '../support/watch-process.js';

test('too few watches are an error', { skip: unlessNamespaces }, async (t) => {
  const tree = tempTree(t, { 'a/b/c/d/e/f': '1' });
  const watching = watchInProcess(t, { root: tree.path, rules: [] }, limited('max_inotify_watches', 3));
  assert.deepEqual(await watching.message(), {
    type: 'error',
    code: 'ENOSPC',
    syscall: 'inotify_add_watch',
    path: 'a/b/c',
  });
});

test('too few watches for a directory that appears are an error', { skip: unlessNamespaces }, async (t) => {
  const tree = tempTree(t, { 'a/f': '1' });
  const watching = watchInProcess(t, { root: tree.path, rules: [] }, limited('max_inotify_watches', 3));
  assert.equal((await watching.message()).type, 'live');
  tree.makeDirectory('a/b');
  tree.makeDirectory('a/c');
  assert.deepEqual(await watching.message(), {
    type: 'error',
    code: 'ENOSPC',
    syscall: 'inotify_add_watch',
    path: 'a/c',
  });
});

test('too few inotify instances are an error', { skip: unlessNamespaces }, async (t) => {
  const tree = tempTree(t);
  const watching = watchInProcess(t, { root: tree.path, rules: [] }, limited('max_inotify_instances', 0));
  assert.deepEqual(await watching.message(), {
    type: 'error',
    code: 'EMFILE',
    syscall: 'inotify_init1',
    path: '',
  });
});

test('a directory that becomes readable is watched', { skip: unlessRoot }, async (t) => {
  const tree = tempTree(t, { 'closed/d/f': '1', 'late/f': '1' });
  chmodSync(tree.path, 0o755);
  for (const path of ['closed', 'closed/d', 'late']) chownSync(tree.at(path), nobody, nobody);
  chmodSync(tree.at('closed'), 0);
  const watching = watchInProcess(t, { root: tree.path, rules: [] }, [], { uid: nobody, gid: nobody });
  const live = await watching.message();
  assert.deepEqual(live, { type: 'live', directories: 2, entries: 3 });
  chmodSync(tree.at('closed'), 0o755);
  assert.deepEqual(told(await watching.take()), ['tree:closed']);
  tree.write('closed/d/g', '');
  assert.deepEqual(told(await watching.take()), ['entry:closed/d/g']);
  // What is watched stays so when it is closed.
  chmodSync(tree.at('late'), 0);
  tree.write('late/g', '');
  assert.ok(coverOf(await watching.take())('late/g'));
});

const privately = ['unshare', '-m', '--propagation', 'private'];

test('directories on other devices are entered unless that is forbidden', {
  skip: unlessMounting,
}, async (t) => {
  for (const crossMounts of [true, false]) {
    const tree = tempTree(t, { 'd/m/hidden': '1' });
    const script = `mount -t tmpfs none '${tree.path}/d/m' && mkdir '${tree.path}/d/m/e' && exec "$@"`;
    const options = { root: tree.path, rules: [], crossMounts };
    const watching = watchInProcess(t, options, [...privately, 'sh', '-c', script, 'sh']);
    const live = await watching.message();
    assert.deepEqual(live, { type: 'live', directories: crossMounts ? 4 : 2, entries: crossMounts ? 3 : 2 });
    await watching.sh(`touch '${tree.path}/d/m/e/f'`);
    assert.deepEqual(told(await watching.take()), crossMounts ? ['entry:d/m/e/f'] : []);
  }
});

test('what a mount has hidden shows again', { skip: unlessMounting }, async (t) => {
  const tree = tempTree(t, { 'd/m/hidden/f': '1' });
  const mount = `mount -t tmpfs none '${tree.path}/d/m' && mkdir '${tree.path}/d/m/e' && exec "$@"`;
  const watching = watchInProcess(t, { root: tree.path, rules: [] }, [...privately, 'sh', '-c', mount, 'sh']);
  assert.equal((await watching.message()).type, 'live');
  await watching.sh(`umount '${tree.path}/d/m'`);
  assert.ok(told(await watching.take()).includes('tree:d/m'));
  tree.write('d/m/hidden/g', '');
  assert.deepEqual(told(await watching.take()), ['entry:d/m/hidden/g']);
});

test('the root is unmounted', { skip: unlessMounting }, async (t) => {
  const tree = tempTree(t, { 'd/f': '1' });
  const mount = `mount -t tmpfs none '${tree.path}/d' && exec "$@"`;
  const options = { root: `${tree.path}/d`, rules: [] };
  const watching = watchInProcess(t, options, [...privately, 'sh', '-c', mount, 'sh']);
  assert.equal((await watching.message()).type, 'live');
  await watching.sh(`umount '${tree.path}/d'`);
  assert.deepEqual(await watching.message(), { type: 'root-lost', reason: 'it was unmounted' });
});

test('a directory that is bound to two places is told in both', { skip: unlessMounting }, async (t) => {
  const tree = tempTree(t, { 'a/x/y/f': '1', 'b/z': '' });
  tree.makeDirectory('b/bound');
  const mount = `mount --bind '${tree.path}/a/x' '${tree.path}/b/bound' && exec "$@"`;
  const watching = watchInProcess(t, { root: tree.path, rules: [] }, [...privately, 'sh', '-c', mount, 'sh']);
  assert.equal((await watching.message()).type, 'live');
  await watching.sh(`touch '${tree.path}/a/x/y/g'`);
  assert.deepEqual(told(await watching.take()), ['entry:a/x/y/g', 'entry:b/bound/y/g']);
  await watching.sh(`mkdir -p '${tree.path}/b/bound/n/m' && mv '${tree.path}/a' '${tree.path}/c'`);
  await watching.take();
  await watching.sh(`touch '${tree.path}/c/x/n/m/f'`);
  assert.deepEqual(told(await watching.take()), ['entry:b/bound/n/m/f', 'entry:c/x/n/m/f']);
});
