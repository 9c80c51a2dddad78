import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { NativeWatcherOptions } from '../../src/native/addon.js';
import { churn } from '../support/churn.js';
import { chooseSeed } from '../support/random.js';
import { coverOf, type Recorder, record } from '../support/recorder.js';
import { bytesOf, tempTree } from '../support/temp-tree.js';
import { TreeModel } from '../support/tree-model.js';

const seed = chooseSeed();

/** All changes until nothing waits for its writer any more. */
const takeSettled = async (recorder: Recorder) => {
  const changes = await recorder.take();
  while (recorder.native.stats().settling > 0) {
    await turn();
    changes.push(...(await recorder.take()));
  }
  return changes;
};

/** Every directory has to be watched: a file that is made in it is told. */
const checkWatches = async (recorder: Recorder, root: string): Promise<void> => {
  const directories = new TreeModel(root).directories();
  for (const path of directories) writeFileSync(bytesOf(root, `${path}/probe`), 'x');
  const changes = await recorder.take();
  const isCovered = coverOf(changes);
  const missed = directories.filter((path) => !isCovered(path === '' ? 'probe' : `${path}/probe`));
  assert.deepEqual(missed.slice(0, 10), []);
};

const variants: Record<string, Partial<NativeWatcherOptions>> = {
  'as it comes': {},
  'with little memory for changes': { pendingLimitBytes: 5_000 },
};
for (const [name, options] of Object.entries(variants)) {
  test(`what a churn changes is told, ${name} (SEED=${seed})`, async (t) => {
    const tree = tempTree(t);
    for (let i = 0; i < 40; i++) tree.write(`${'abcd'[i % 4]}/${'abcd'[(i >> 2) % 4]}/f${i}`, `${i}`);
    const recorder = await record(t, tree.path, { settleMs: 5, ...options });
    for (let round = 0; round < 3; round++) {
      const model = new TreeModel(tree.path);
      await churn(t, tree.path, { seed: seed + round, threads: 3, operations: 400 });
      const changes = await takeSettled(recorder);
      const now = new TreeModel(tree.path);
      model.replicate(changes, now);
      assert.deepEqual(model.differences(now).slice(0, 10), []);
    }
    await checkWatches(recorder, tree.path);
    assert.equal(recorder.native.stats().overflows, 0);
  });
}
