import assert from 'node:assert/strict';
import { test } from 'node:test';
import { watchTree } from '../../src/index.js';
import { churn } from '../support/churn.js';
import { chooseSeed } from '../support/random.js';
import { unlessRoot, withQueueLimit } from '../support/root.js';
import { tempTree } from '../support/temp-tree.js';

const seed = chooseSeed();
test(`an overflow of the kernel's queue is told as such (SEED=${seed})`, { skip: unlessRoot }, async (t) => {
  const tree = tempTree(t, { 'a/f': '1' });
  await using watch = await withQueueLimit(16, async () => {
    const started = watchTree(tree.path);
    await started.ready;
    return started;
  });
  const churned = churn(t, tree.path, { seed, threads: 3, operations: 400 });
  for await (const { changes, overflow } of watch) {
    if (!overflow) continue;
    assert.deepEqual(changes, [{ kind: 'tree', path: '' }]);
    break;
  }
  await churned;
});
