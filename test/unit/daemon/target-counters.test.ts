import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asRelPath } from '../../../src/core/path.js';
import { TargetCounters } from '../../../src/daemon/target-counters.js';

const totals = { files: 0, sentBytes: 0, deleted: 0, batches: 0, failures: 0, lastSuccessAt: undefined };
const change = (path: string, at: number) => ({ kind: 'entry' as const, path: asRelPath(path), at });
const failure = { code: 'CONNECTION_REFUSED', text: '', hint: '' };

test('each path that was taken is counted by how long it took, those of a comparison are not', () => {
  const counters = new TargetCounters('a');
  const changes = [
    change('a', 1_000),
    change('b', 1_000),
    change('c', 9_000),
    change('d', 500),
    change('e', 20_000),
  ];
  counters.delivered(changes, new Set([asRelPath('d')]), true, 10_000);
  counters.delivered(changes, new Set(), false, 10_000);
  const { deliverySeconds, batchPaths } = counters.snapshot(totals);
  const counted = Object.fromEntries(
    deliverySeconds.counts.flatMap((count, index) =>
      count > 0 ? [[deliverySeconds.bounds[index], count]] : [],
    ),
  );
  // A clock that was set back makes no negative time.
  assert.deepEqual(counted, { 0.01: 1, 1: 1, 10: 2 });
  assert.equal(deliverySeconds.sum, 9 + 9 + 1);
  assert.equal(batchPaths.sum, 10);
});

test('what was not noticed at some time has no time of delivery', () => {
  const counters = new TargetCounters('a');
  counters.delivered(
    [
      { ...change('a', 0), sequence: 0 },
      { ...change('b', 0), sequence: 7 },
    ],
    new Set(),
    true,
    1,
  );
  assert.equal(
    counters.snapshot(totals).deliverySeconds.counts.reduce((sum, count) => sum + count),
    1,
  );
});

test('what is larger than all bounds is counted too', () => {
  const counters = new TargetCounters('a');
  counters.delivered([change('a', 0)], new Set(), true, 100_000_000);
  assert.equal(counters.snapshot(totals).deliverySeconds.counts.at(-1), 1);
});

test('an outage counts its failures and tries', () => {
  const counters = new TargetCounters('a');
  const backingOff = (attempt: number) => ({ name: 'backing-off' as const, attempt, failure });
  const transferring = (attempt: number) => ({ name: 'transferring' as const, attempt });
  counters.stateChanged(backingOff(1), transferring(0));
  counters.stateChanged(transferring(1), backingOff(1));
  counters.stateChanged(backingOff(2), transferring(1));
  counters.stateChanged(transferring(2), backingOff(2));
  counters.stateChanged(transferring(0), transferring(2));
  counters.stateChanged({ name: 'suspended', failure }, transferring(0));
  counters.stuck('PERMISSION_DENIED');
  const { errors, retries } = counters.snapshot(totals);
  assert.deepEqual(errors, { CONNECTION_REFUSED: 2, PERMISSION_DENIED: 1 });
  assert.equal(retries, 2);
});

test('counters never go back, though what a failed batch had moved is gone from the totals', () => {
  const counters = new TargetCounters('a');
  assert.equal(counters.snapshot({ ...totals, sentBytes: 500 }).sentBytes, 500);
  assert.equal(counters.snapshot({ ...totals, sentBytes: 100 }).sentBytes, 500);
  assert.equal(counters.snapshot({ ...totals, sentBytes: 600 }).sentBytes, 600);
});
