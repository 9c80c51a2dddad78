import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Change, isWide } from '../../../src/core/change.js';
import { asRelPath, isInside, parentOf } from '../../../src/core/path.js';
import { PendingChanges } from '../../../src/library/pending-changes.js';
import { changeOf, crowdedPath } from '../../support/arbitraries.js';

/** Whether `wide` tells to look at all that `change` tells to look at. */
const covers = (wide: Change, change: Change): boolean => {
  if (wide.kind === 'tree') return wide.path === change.path || isInside(change.path, wide.path);
  if (isWide(change.kind)) return wide.kind === change.kind && wide.path === change.path;
  return wide.path === change.path || (wide.kind === 'directory' && parentOf(change.path) === wide.path);
};

test('whatever the limit, each change is covered by what is taken, which is bounded', () =>
  fc.assert(
    fc.property(fc.array(changeOf(crowdedPath)), fc.integer({ min: 1, max: 20 }), (changes, limit) => {
      const pending = new PendingChanges(limit);
      for (const change of changes) pending.add(change);
      const taken = pending.take();
      assert.equal(taken.overflow, false);
      assert.ok(taken.changes.length <= limit);
      assert.equal(new Set(taken.changes.map(({ path }) => path)).size, taken.changes.length);
      for (const change of changes)
        assert.ok(
          taken.changes.some((wide) => covers(wide, change)),
          JSON.stringify(change),
        );
      assert.ok(pending.isEmpty);
    }),
  ));

test('an overflow is the whole tree, once', () => {
  const pending = new PendingChanges(10);
  pending.add({ kind: 'entry', path: asRelPath('a') });
  pending.overflow();
  pending.add({ kind: 'entry', path: asRelPath('b') });
  assert.deepEqual(pending.take(), { changes: [{ kind: 'tree', path: '' }], overflow: true });
  assert.ok(pending.isEmpty);
  pending.add({ kind: 'entry', path: asRelPath('b') });
  assert.deepEqual(pending.take(), { changes: [{ kind: 'entry', path: 'b' }], overflow: false });
});
