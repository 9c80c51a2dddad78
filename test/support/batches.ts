import assert from 'node:assert/strict';
import { type Change, packChanges } from '../../src/core/change.js';
import { asRelPath } from '../../src/core/path.js';
import type { Target } from '../../src/core/target.js';
import type { TransferOutcome, TransferRequest } from '../../src/transfer/messages.js';
import { createTransferPool, type TransferPool } from '../../src/transfer/pool.js';
import { atEnd, type Scope } from './scope.js';
import { identityOf } from './targets.js';
import type { Tree } from './temp-tree.js';

/** A pool that is closed at the end. */
export const poolFor = (t: Scope, targets = 1): TransferPool => {
  const pool = createTransferPool({
    targets,
    concurrency: 4,
    runId: `test-${process.pid}`,
    socketDirectory: '/nowhere',
    connectionEnded: () => {},
  });
  atEnd(t, () => pool.close());
  return pool;
};

export const entries = (...paths: string[]): Change[] =>
  paths.map((path) => ({ kind: 'entry', path: asRelPath(path) }));

/** A batch in the way of a daemon with its defaults. */
export const request = (
  source: Tree,
  target: Target,
  changes: readonly Change[],
  extra: Partial<TransferRequest> = {},
): TransferRequest => ({
  target,
  source: source.path,
  identity: identityOf(source.path),
  rules: [],
  changes: packChanges(changes),
  deleteMethod: 'missing-args',
  checks: false,
  treesBy: 'quick',
  holdDeletes: false,
  kept: [],
  bigFileBytes: Number.POSITIVE_INFINITY,
  batchBytes: Number.POSITIVE_INFINITY,
  crowded: new Uint8Array(),
  ...extra,
});

export const acknowledged = (outcome: TransferOutcome) => {
  assert.equal(outcome.result, 'acknowledge', JSON.stringify(outcome));
  assert.ok(outcome.result === 'acknowledge');
  return outcome;
};
