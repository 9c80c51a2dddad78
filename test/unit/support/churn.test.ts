import assert from 'node:assert/strict';
import { test } from 'node:test';
import { churn } from '../../support/churn.js';
import { compareTrees } from '../../support/compare-trees.js';
import { tempTree } from '../../support/temp-tree.js';

test('a churn of one thread does the same for the same seed; nearly every operation succeeds at times', async (t) => {
  const [a, b] = [tempTree(t), tempTree(t)];
  const options = { seed: 4_711, threads: 1, operations: 1_000 };
  const counts = await churn(t, a.path, options);
  assert.deepEqual(await churn(t, b.path, options), counts);
  assert.ok(Object.keys(counts).length >= 20, JSON.stringify(counts));
  const other = await compareTrees(a.path, b.path, { limit: 100 });
  assert.deepEqual(
    other.filter((line) => !line.includes(': mtime ')),
    [],
  );
});
