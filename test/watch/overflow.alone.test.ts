import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { RelPath } from '../../src/core/path.js';
import { scanDirectories } from '../../src/watch/scan.js';
import { churn } from '../support/churn.js';
import { chooseSeed } from '../support/random.js';
import { coverOf, record } from '../support/recorder.js';
import { unlessRoot, withQueueLimit } from '../support/root.js';
import { tempTree } from '../support/temp-tree.js';
import { TreeModel } from '../support/tree-model.js';

const digests = async (root: string): Promise<Map<RelPath, string>> => {
  const options = { root, rules: [], crossMounts: true, digests: true, threads: 0 };
  return new Map((await scanDirectories(options)).map(({ path, digest }) => [path, digest]));
};

const seed = chooseSeed();
test(`what is lost when the kernel's queue overflows is told (SEED=${seed})`, {
  skip: unlessRoot,
}, async (t) => {
  const tree = tempTree(t);
  for (let i = 0; i < 60; i++) tree.write(`${'abcd'[i % 4]}/${'abcd'[(i >> 2) % 4]}/f${i}`, `${i}`);
  const recorder = await withQueueLimit(16, () => record(t, tree.path, { settleMs: 5 }));
  for (let round = 0; round < 3; round++) {
    const model = new TreeModel(tree.path);
    const before = await digests(tree.path);
    await churn(t, tree.path, { seed: seed + round, threads: 3, operations: 400 });
    const changes = await recorder.take();
    while (recorder.native.stats().settling > 0) changes.push(...(await recorder.take()));
    // Lost events of directories that are known show in the digests alone.
    for (const [path, digest] of await digests(tree.path))
      if (before.get(path) !== digest) changes.push({ kind: 'directory', path });
    const now = new TreeModel(tree.path);
    model.replicate(changes, now);
    assert.deepEqual(model.differences(now).slice(0, 10), []);
  }
  const { overflows } = recorder.native.stats();
  assert.ok(overflows > 0);
  assert.equal(recorder.messages.filter(({ type }) => type === 'overflow').length, overflows);
  await recorder.untilKnown(new TreeModel(tree.path).directories().length);
});

test('an overflow makes no change of directories that are known in their place', {
  skip: unlessRoot,
}, async (t) => {
  const tree = tempTree(t, { 'a/b/f': '1', 'c/d/f': '1' });
  const recorder = await withQueueLimit(16, () => record(t, tree.path));
  // The reader may keep up for a while, even with so short a queue.
  for (let burst = 0; !recorder.messages.some(({ type }) => type === 'overflow'); burst++) {
    for (let i = 0; i < 500; i++)
      for (const path of ['a/b/f', 'c/d/f']) chmodSync(tree.at(path), 0o600 + (i % 2));
    if (burst === 0) tree.write('c/new/e/made', '');
    for (let i = 0; i < 500; i++)
      for (const path of ['a/b/f', 'c/d/f']) chmodSync(tree.at(path), 0o600 + (i % 2));
    await turn();
  }
  const changes = await recorder.take();
  assert.deepEqual(
    changes.filter(({ kind }) => kind === 'directory'),
    [],
  );
  assert.ok(coverOf(changes)('c/new/e'));
  tree.write('c/new/e/f', '');
  const later = await recorder.take();
  assert.ok(coverOf(later)('c/new/e/f'));
});
