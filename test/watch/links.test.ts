import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { unpackChanges } from '../../src/core/change.js';
import { record, told } from '../support/recorder.js';
import { type Tree, tempTree } from '../support/temp-tree.js';

test('a change under one name is told under all names', async (t) => {
  const tree = tempTree(t, { 'a/f': '1', 'b/x': '', 'c/d/x': '' });
  linkSync(tree.at('a/f'), tree.at('b/g'));
  linkSync(tree.at('a/f'), tree.at('c/d/h'));
  const recorder = await record(t, tree.path, { settleMs: 5 });
  const all = ['entry:a/f', 'entry:b/g', 'entry:c/d/h'];
  appendFileSync(tree.at('a/f'), '2');
  assert.deepEqual(told(await recorder.take()), all);
  chmodSync(tree.at('b/g'), 0o600);
  assert.deepEqual(told(await recorder.take()), all);
  truncateSync(tree.at('c/d/h'), 0);
  assert.deepEqual(told([...(await recorder.until('c/d/h')), ...(await recorder.take())]), all);
});

test('names that come, move and go are followed', async (t) => {
  const tree = tempTree(t, { 'a/f': '1', 'b/x': '' });
  linkSync(tree.at('a/f'), tree.at('b/g'));
  const recorder = await record(t, tree.path);
  appendFileSync(tree.at('a/f'), '2');
  assert.deepEqual(told(await recorder.take()), ['entry:a/f', 'entry:b/g']);
  linkSync(tree.at('b/g'), tree.at('new'));
  mkdirSync(tree.at('n/m'), { recursive: true });
  linkSync(tree.at('b/g'), tree.at('n/m/new'));
  renameSync(tree.at('a'), tree.at('z'));
  renameSync(tree.at('b/g'), tree.at('z/h'));
  await recorder.take();
  appendFileSync(tree.at('z/h'), '3');
  assert.deepEqual(told(await recorder.take()), ['entry:n/m/new', 'entry:new', 'entry:z/f', 'entry:z/h']);
  tree.remove('z/f');
  tree.remove('n');
  await recorder.take();
  appendFileSync(tree.at('new'), '4');
  assert.deepEqual(told(await recorder.take()), ['entry:new', 'entry:z/h']);
  // One name left, then another file in its place.
  tree.remove('new');
  appendFileSync(tree.at('z/h'), '5');
  assert.deepEqual(told(await recorder.take()), ['entry:new', 'entry:z/h']);
  writeFileSync(tree.at('new'), '');
  await recorder.take();
  appendFileSync(tree.at('z/h'), '6');
  assert.deepEqual(told(await recorder.take()), ['entry:z/h']);
});

test('links that lie outside are not searched again and again', async (t) => {
  const outside = tempTree(t, { f: '1' });
  const tree = tempTree(t, { 'a/x': '', 'b/x': '' });
  linkSync(outside.at('f'), tree.at('a/f'));
  linkSync(outside.at('f'), tree.at('b/f'));
  const recorder = await record(t, tree.path);
  const started = performance.now();
  for (let round = 0; round < 20; round++) {
    appendFileSync(tree.at('a/f'), '2');
    assert.deepEqual(told(await recorder.take()), ['entry:a/f', 'entry:b/f']);
  }
  // A search each time would take a second each.
  assert.ok(performance.now() - started < 10_000);
  linkSync(outside.at('f'), outside.at('g'));
  renameSync(outside.at('g'), tree.at('g'));
  await recorder.take();
  appendFileSync(tree.at('b/f'), '2');
  assert.deepEqual(told(await recorder.take()), ['entry:a/f', 'entry:b/f', 'entry:g']);
});

test('many linked files are found in one search', async (t) => {
  const tree = tempTree(t);
  const count = 500;
  for (let i = 0; i < count; i++) {
    tree.write(`a/${i % 20}/f${i}`, `${i}`);
    tree.makeDirectory(`b/${i % 7}`);
    linkSync(tree.at(`a/${i % 20}/f${i}`), tree.at(`b/${i % 7}/g${i}`));
  }
  const recorder = await record(t, tree.path);
  for (let i = 0; i < count; i++) appendFileSync(tree.at(`a/${i % 20}/f${i}`), '+');
  const paths = new Set((await recorder.take()).map(({ path }) => path as string));
  const missed = Array.from({ length: count }, (_, i) => `b/${i % 7}/g${i}`).filter(
    (path) => !paths.has(path),
  );
  assert.deepEqual(missed.slice(0, 5), []);
});

test('a file that is written in a directory that was made a moment ago is told under all names', async (t) => {
  const tree = tempTree(t, { 'a/f': '1' });
  const recorder = await record(t, tree.path, { settleMs: 5 });
  for (let round = 0; round < 30; round++) {
    mkdirSync(tree.at(`n${round}/m`), { recursive: true });
    linkSync(tree.at('a/f'), tree.at(`n${round}/m/g`));
    appendFileSync(tree.at(`n${round}/m/g`), '2');
    const changes = told(await recorder.take());
    assert.ok(changes.includes('entry:a/f'), `round ${round}: ${changes.join(' ')}`);
  }
});

const writes: Readonly<Record<string, (path: Buffer, scope: TestContext) => void>> = {
  'a writer that goes on': (path, scope) => {
    const fd = openSync(path, 'r+');
    scope.after(() => closeSync(fd));
    writeSync(fd, 'CON');
  },
  'an appending writer': (path) => appendFileSync(path, 'more'),
  'chmod(2)': (path) => chmodSync(path, 0o600),
};
const departures: Readonly<Record<string, (tree: Tree, outside: Tree) => void>> = {
  'it is deleted': (tree) => unlinkSync(tree.at('d/b')),
  'another file takes its place': (tree) => {
    writeFileSync(tree.at('other'), 'other');
    renameSync(tree.at('other'), tree.at('d/b'));
  },
  'it is moved out of the tree': (tree, outside) => renameSync(tree.at('d/b'), outside.at('b')),
  'its directory is deleted': (tree) => rmSync(tree.at('d'), { recursive: true }),
  'its directory is moved out of the tree': (tree, outside) => renameSync(tree.at('d'), outside.at('d')),
};
// The watcher looks between the write and the departure, or not.
for (const pauseMs of [0, 5]) {
  for (const [writer, write] of Object.entries(writes)) {
    for (const [what, depart] of Object.entries(departures)) {
      test(`a change by ${writer} under a name, ${pauseMs} ms before ${what}, is told under the other`, async (t) => {
        for (let round = 0; round < 5; round++) {
          const [tree, outside] = [tempTree(t, { 'a/f': 'content', 'd/x': '' }), tempTree(t)];
          linkSync(tree.at('a/f'), tree.at('d/b'));
          const recorder = await record(t, tree.path, { settleMs: 300 });
          write(tree.at('d/b'), t);
          if (pauseMs > 0) await pause(pauseMs);
          depart(tree, outside);
          const changes = told(await recorder.take());
          assert.ok(changes.includes('entry:a/f'), `round ${round}: ${changes.join(' ')}`);
        }
      });
    }
  }
}

test('what a writer changed so far is known to be open under every name', async (t) => {
  const tree = tempTree(t, { 'a/f': 'content', 'b/x': '' });
  linkSync(tree.at('a/f'), tree.at('b/g'));
  const recorder = await record(t, tree.path, { settleMs: 10 });
  const fd = openSync(tree.at('a/f'), 'r+');
  writeSync(fd, 'CONTENT');
  const settling = unpackChanges(await recorder.native.drain());
  const open = new Set(Array.from(settling, ({ path }) => path as string));
  assert.deepEqual([...open].sort(), ['a/f', 'b/g']);
  closeSync(fd);
  assert.deepEqual(told(await recorder.take()), ['entry:a/f', 'entry:b/g']);
});
