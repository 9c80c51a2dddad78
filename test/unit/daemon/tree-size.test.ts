import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TreeSize } from '../../../src/daemon/tree-size.js';

const setUp = () => {
  const state = { now: 1_000_000, entries: 0, counts: 0, isBroken: false, failures: 0 };
  const size = new TreeSize(
    async () => {
      state.counts++;
      if (state.isBroken) throw new Error('broken');
      return state.entries;
    },
    {
      windowMs: () => 60_000,
      now: () => state.now,
      failed: () => {
        state.failures++;
      },
    },
  );
  return { size, state };
};

test('what counts is the state when the window began', () => {
  const { size, state } = setUp();
  assert.equal(size.atWindowStart, 0);
  size.note(1_000);
  state.now += 3_600_000;
  assert.equal(size.atWindowStart, 1_000);
  size.note(400);
  assert.equal(size.atWindowStart, 1_000);
  state.now += 59_000;
  size.note(500);
  assert.equal(size.atWindowStart, 1_000);
  state.now += 2_000;
  assert.equal(size.atWindowStart, 400);
  state.now += 60_000;
  assert.equal(size.atWindowStart, 500);
});

test('it is counted now and then, and at once when somebody has to know', async () => {
  const { size, state } = setUp();
  state.entries = 7;
  await size.refresh();
  state.entries = 9;
  await size.refresh();
  assert.equal(state.counts, 1);
  assert.equal(await size.countNow(), 9);
  assert.equal(size.atWindowStart, 7);
  state.now += 5_000;
  state.isBroken = true;
  await size.refresh();
  assert.deepEqual([state.counts, state.failures, size.atWindowStart], [3, 1, 7]);
});
