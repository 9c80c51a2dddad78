import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { packChanges } from '../../../src/core/change.js';
import { asRelPath } from '../../../src/core/path.js';
import { KeptFile } from '../../../src/daemon/kept-file.js';
import { TargetDeletes } from '../../../src/daemon/target-deletes.js';
import { TreeSize } from '../../../src/daemon/tree-size.js';
import type { TransferOutcome } from '../../../src/transfer/messages.js';
import { digestOf, digestStore } from '../../support/digest-store.js';
import { tempDirectory } from '../../support/temp-tree.js';

const windowMs = 60_000;

/** A target that was compared before, and the guard's default. */
const setUp = async (t: TestContext) => {
  const state = { now: 1_000_000, entries: 0 };
  const digests = (await digestStore(t)).target('target');
  digests.put([{ path: asRelPath(''), digest: digestOf('root'), entries: 1, coverage: 'tree' }]);
  const size = new TreeSize(async () => state.entries, {
    windowMs: () => windowMs,
    now: () => state.now,
    failed: (error) => assert.fail(String(error)),
  });
  const deletes = new TargetDeletes({
    source: tempDirectory(t, 'source'),
    rule: { max: undefined, windowMs },
    digests,
    scanner: { scan: async () => assert.fail('a share is judged by the number of entries') },
    size,
    file: new KeptFile(tempDirectory(t, 'state'), 'target'),
    clock: { now: () => state.now, after: () => () => {} },
    logger: pino({ level: 'silent' }),
  });
  return { state, deletes, size };
};

const comparison = (heldEntries: number, sourceEntries: number) => ({
  list: { paths: [], entries: new Uint32Array() },
  lostEntries: Math.max(0, heldEntries - sourceEntries),
  heldEntries,
  sourceEntries,
  hasRemains: false,
});

const nothing = packChanges([]);

const delivered = (deleted: number, wasLimited: boolean): TransferOutcome => ({
  result: 'acknowledge',
  stats: { files: 0, sentBytes: 0, literalBytes: 0, deleted, durationMs: 1 },
  big: nothing,
  deferred: nothing,
  held: nothing,
  heldEntries: [],
  wasLimited,
  directories: nothing,
  stuck: [],
});

test('at the start the store tells what the source had before', async (t) => {
  const { deletes } = await setUp(t);
  deletes.compared(comparison(3_000, 1_400));
  assert.ok(deletes.isHolding);
});

test('a later comparison goes by what the source lost within the window, for the store is behind', async (t) => {
  const { deletes, size, state } = await setUp(t);
  deletes.compared(comparison(2_000, 2_000));
  state.now += 1_000;
  // Twice the tree was made and deleted since.
  deletes.compared(comparison(6_000, 1_100));
  assert.equal(deletes.isHolding, false);
  assert.equal(size.atWindowStart, 2_000);
  deletes.compared(comparison(6_000, 900));
  assert.ok(deletes.isHolding);
});

test('what was deleted and made up for does not count in a comparison', async (t) => {
  const { deletes, state } = await setUp(t);
  deletes.compared(comparison(2_000, 2_000));
  state.entries = 2_000;
  const batch = deletes.begin([{ kind: 'tree', path: asRelPath('a') }]);
  assert.notEqual(await batch.ask({ gone: nothing }), 'hold');
  batch.end(delivered(400, false));
  deletes.compared(comparison(2_000, 1_200));
  assert.equal(deletes.isHolding, false);
});

test('a target with much that is not known of gets there in a few batches, while the source has not shrunk', async (t) => {
  const { deletes, state } = await setUp(t);
  deletes.compared(comparison(2_000, 2_000));
  state.entries = 1_000;
  let left = 10_000;
  let batches = 0;
  for (; left > 0; batches++) {
    const batch = deletes.begin([{ kind: 'directory', path: asRelPath('a') }]);
    const answer = await batch.ask({ gone: nothing });
    assert.ok(typeof answer === 'object', String(answer));
    const deleted = Math.min(left, answer.mayDelete);
    left -= deleted;
    batch.end(delivered(deleted, left > 0));
  }
  assert.ok(batches < 20, `${batches} batches`);
  // One more, and it is less than half of what it was.
  state.entries = 999;
  const batch = deletes.begin([{ kind: 'directory', path: asRelPath('b') }]);
  let answer = await batch.ask({ gone: nothing });
  for (let i = 0; answer !== 'hold' && i < 10; i++) {
    batch.end(delivered(typeof answer === 'object' ? answer.mayDelete : 0, true));
    answer = await batch.ask({ gone: nothing });
  }
  assert.equal(answer, 'hold');
});
