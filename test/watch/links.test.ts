import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';
import { record, told } from '../support/recorder.js';
import { tempTree } from '../support/temp-tree.js';

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
