import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DeleteGuard, type DeleteRule, limitOf } from '../../../src/replicate/delete-guard.js';

const windowMs = 60_000;

const limits: readonly (readonly [DeleteRule['max'], number, number])[] = [
  [undefined, 999, Number.POSITIVE_INFINITY],
  [undefined, 1_000, 500],
  [undefined, 1_001, 500],
  [{ percent: 20 }, 1_000_000, 200_000],
  [{ percent: 20 }, 10, 2],
  [{ percent: 0 }, 1_000, 0],
  [{ percent: 100 }, 1_000, Number.POSITIVE_INFINITY],
  [{ count: 7 }, 1_000_000, 7],
  [{ count: 0 }, 5, 0],
];
for (const [max, entries, limit] of limits)
  test(`of ${entries} entries ${JSON.stringify(max)} lets ${limit} go`, () =>
    assert.equal(limitOf({ max, windowMs }, entries), limit));

const guardOf = (count: number) => {
  let now = 1_000_000;
  const guard = new DeleteGuard({ max: { count }, windowMs }, () => now);
  return {
    guard,
    pass: (ms: number) => {
      now += ms;
    },
  };
};

test('deletes add up within the window; what is older no longer counts', () => {
  const { guard, pass } = guardOf(10);
  for (const count of [4, 6]) {
    const permit = guard.reserve(count);
    assert.ok(typeof permit === 'object' && permit.mayDelete >= count);
    guard.settle(permit, count);
    pass(1_000);
  }
  assert.equal(guard.reserve(1), 'over');
  pass(windowMs - 2_000);
  assert.equal(guard.available, 4);
  assert.equal(guard.reserve(5), 'over');
  assert.equal(typeof guard.reserve(4), 'object');
});

test('what does not fit because of a batch that runs has to wait for it, not to be held', () => {
  const { guard } = guardOf(10);
  const first = guard.reserve(8);
  assert.ok(typeof first === 'object');
  assert.equal(guard.reserve(5), 'wait');
  guard.settle(first, 1);
  assert.equal(typeof guard.reserve(5), 'object');
});

test('moved entries go beside the limit, but nothing else with them', () => {
  const { guard } = guardOf(10);
  const permit = guard.reserveJudged(1_000, 4);
  assert.ok(typeof permit === 'object');
  assert.deepEqual(permit, { mayDelete: 1_006, uncounted: 996, isJudged: true });
  guard.settle(permit, 1_000);
  assert.equal(guard.deleted, 4);
  assert.equal(guard.reserveJudged(1_000, 7), 'over');
});

test('whatever comes in whatever order: within a window no more is deleted than the limit', () => {
  const step = fc.record({
    expected: fc.nat(30),
    really: fc.nat(60),
    passMs: fc.nat(40_000),
    ends: fc.nat(3),
  });
  fc.assert(
    fc.property(fc.nat(50), fc.array(step, { maxLength: 60 }), (limit, steps) => {
      const { guard, pass } = guardOf(limit);
      const running: { mayDelete: number; uncounted: number; isJudged: boolean; really: number }[] = [];
      let now = 0;
      const deleted: { at: number; count: number }[] = [];
      for (const { expected, really, passMs, ends } of steps) {
        const permit = guard.reserve(expected);
        if (typeof permit === 'object') {
          assert.ok(permit.mayDelete >= expected);
          running.push({ ...permit, really });
        }
        pass(passMs);
        now += passMs;
        for (const batch of running.splice(0, ends)) {
          const count = Math.min(batch.really, batch.mayDelete);
          guard.settle(batch, count);
          deleted.push({ at: now, count });
        }
        const within = deleted
          .filter(({ at }) => at > now - windowMs)
          .reduce((sum, { count }) => sum + count, 0);
        assert.ok(within <= limit, `${within} of ${limit}`);
      }
    }),
  );
});

test('of a share only the shrinking counts: what was moved or made up for goes beside it', () => {
  let now = 0;
  const guard = new DeleteGuard({ max: { percent: 50 }, windowMs }, () => now);
  guard.treeEntries = 1_000;
  const first = guard.reserve(500);
  assert.ok(typeof first === 'object');
  guard.settle(first, 500);
  assert.equal(guard.reserve(300), 'over');
  // 800 entries were deleted, or are about to be, and 700 came in their place.
  const permit = guard.reserveShare(300, 100);
  assert.ok(typeof permit === 'object');
  assert.deepEqual(permit, { mayDelete: 700, uncounted: 300, isJudged: true });
  guard.settle(permit, 320);
  assert.equal(guard.deleted, 120);
  assert.equal(guard.available, 380);
  assert.equal(guard.reserveShare(1, 501), 'over');
  // At the limit it still comes to an end.
  const last = guard.reserveShare(10, 500);
  assert.ok(typeof last === 'object' && last.mayDelete === 11);
  now += windowMs;
});
