import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { asRelPath, isInside, type RelPath } from '../../../src/core/path.js';
import { PathClaims } from '../../../src/replicate/path-claims.js';
import { PendingChanges } from '../../../src/replicate/pending.js';
import { ownFootprint, takeBatch } from '../../../src/replicate/planner.js';
import { ReconcileRun } from '../../../src/replicate/reconcile.js';
import { changeOf, crowdedPath } from '../../support/arbitraries.js';

const overlaps = (a: RelPath, b: RelPath) => a === b || isInside(a, b) || isInside(b, a);

test('a path conflicts exactly with claims that are the same, above or below', () =>
  fc.assert(
    fc.property(fc.array(fc.tuple(crowdedPath, fc.boolean())), crowdedPath, (steps, asked) => {
      const claims = new PathClaims();
      const held: RelPath[] = [];
      for (const [path, isClaim] of steps) {
        const at = held.indexOf(path);
        if (isClaim || at < 0) {
          claims.claim(path);
          held.push(path);
        } else {
          claims.release(path);
          held.splice(at, 1);
        }
      }
      assert.equal(
        claims.conflictsWith(asked),
        held.some((path) => overlaps(path, asked)),
      );
      for (const path of held) claims.release(path);
      assert.ok(claims.isEmpty && !claims.conflictsWith(asked));
    }),
  ));

test('batches side by side never overlap, and nothing is lost between them', () =>
  fc.assert(
    fc.property(fc.array(changeOf(crowdedPath)), fc.integer({ min: 1, max: 4 }), (changes, maxPaths) => {
      const pending = new PendingChanges();
      for (const { kind, path } of changes) pending.add(kind, path, 0);
      const all = [...pending];
      const claims = new PathClaims();
      const batches = [];
      for (;;) {
        const batch = takeBatch(pending, claims, {
          maxPaths,
          now: 0,
          footprintOf: ownFootprint,
          reserved: [],
          lasting: new PathClaims(),
        });
        if (batch.length === 0) break;
        assert.ok(batch.length <= maxPaths);
        for (const { path } of batch) claims.claim(path);
        batches.push(batch);
      }
      for (const [i, a] of batches.entries())
        for (const b of batches.slice(i + 1))
          for (const { path } of a) assert.ok(!b.some((change) => overlaps(path, change.path)));
      const taken = batches.flat();
      for (const change of all) {
        const isTaken = taken.some(({ path }) => path === change.path);
        const isCovered = taken.some(({ kind, path }) => kind === 'tree' && isInside(change.path, path));
        assert.ok(isTaken || isCovered || pending.has(change.path), change.path);
      }
    }),
  ));

test('a reconcile hands out every directory once, side by side without overlap', () =>
  fc.assert(
    fc.property(
      fc.uniqueArray(crowdedPath, { minLength: 1 }),
      fc.array(fc.boolean()),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 3 }),
      fc.array(fc.nat({ max: 9 })),
      (paths, failures, maxEntries, parallel, sizes) => {
        const run = new ReconcileRun({ paths, entries: Uint32Array.from(paths, (_, i) => sizes[i] ?? 0) }, 0);
        const claims = new PathClaims();
        const delivered: RelPath[] = [];
        const failing = [...failures];
        while (!run.isExhausted) {
          const first = run.take(claims, maxEntries, parallel);
          for (const { path } of first) claims.claim(path);
          const second = run.take(claims, maxEntries, parallel);
          for (const { path } of second) assert.ok(!first.some((change) => overlaps(path, change.path)));
          for (const { path } of first) claims.release(path);
          for (const batch of [first, second]) {
            if (failing.pop()) run.giveBack(batch);
            else {
              delivered.push(...batch.map(({ path }) => path));
              run.delivered(batch.length);
            }
          }
        }
        assert.deepEqual(delivered.sort(), [...paths].sort());
        assert.equal(run.done, run.total);
      },
    ),
  ));

/** A tree of 10 directories with 20 each, level by level: 21 entries that count in each of 11, 100 in each of 200. */
const twoLevels = () => {
  const tops = Array.from({ length: 10 }, (_, i) => `t${i}`);
  const leaves = tops.flatMap((top) => Array.from({ length: 20 }, (_, i) => `${top}/${i}`));
  const paths = ['', ...tops, ...leaves].map(asRelPath);
  return { paths, entries: Uint32Array.from(paths, (path) => (path.includes('/') ? 99 : 20)) };
};

test('what has all others below it does not keep them waiting for a full batch', () => {
  const run = new ReconcileRun(twoLevels(), 0);
  const claims = new PathClaims();
  const first = run.take(claims, 8000, 2);
  // An eighth of a batch: 1000 entries and what the last directory has above that.
  assert.equal(first.length, 11 + Math.ceil((1000 - 21 * 11) / 100));
  for (const { path } of first) claims.claim(path);
  assert.deepEqual(run.take(claims, 8000, 2), []);
  for (const { path } of first) claims.release(path);

  const second = run.take(claims, 8000, 2);
  for (const { path } of second) claims.claim(path);
  const third = run.take(claims, 8000, 2);
  assert.ok(second.length >= 80 && third.length >= 40, `${second.length}, ${third.length} directories`);
});

test('the first batch is a full one where nothing could run beside it anyway', () => {
  const full = 11 + Math.ceil((8000 - 21 * 11) / 100);
  assert.equal(new ReconcileRun(twoLevels(), 0).take(new PathClaims(), 8000, 1).length, full);
  const busy = new PathClaims();
  busy.claim(asRelPath('t9/19/file'));
  const { paths, entries } = twoLevels();
  // Without the root, and without t9, which lies above what is in flight.
  const beside = new ReconcileRun({ paths: paths.slice(1), entries: entries.slice(1) }, 0);
  assert.equal(beside.take(busy, 8000, 2).length, 9 + Math.ceil((8000 - 21 * 9) / 100));
});

test('all that fits in one batch is sent at once, parents and children', () => {
  const paths = ['', 'a', 'b', 'a/c', 'a/c/d'].map(asRelPath);
  const run = new ReconcileRun({ paths, entries: new Uint32Array(paths.length).fill(100) }, 0);
  assert.equal(run.take(new PathClaims(), 8000, 2).length, 5);
  assert.ok(run.isExhausted);
});

test('the last batches share evenly what is left', () => {
  const paths = Array.from({ length: 110 }, (_, i) => asRelPath(`d${i}`));
  const sizesWith = (parallel: number) => {
    const run = new ReconcileRun({ paths, entries: new Uint32Array(paths.length).fill(99) }, 0);
    const sizes = [];
    while (!run.isExhausted) sizes.push(run.take(new PathClaims(), 8000, parallel).length);
    return sizes;
  };
  assert.deepEqual(sizesWith(2), [55, 40, 15]);
  assert.deepEqual(sizesWith(1), [80, 30]);
});
