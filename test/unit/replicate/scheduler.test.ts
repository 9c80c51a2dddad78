import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Scheduler } from '../../../src/replicate/scheduler.js';

const nobodyWaits = () => assert.fail('there was a slot to be had');

test('a free slot goes to the waiting target that has the fewest', () => {
  const scheduler = new Scheduler(3);
  const woken: string[] = [];
  const ask = (target: string) => scheduler.tryAcquire(target, () => woken.push(target));
  assert.deepEqual(
    ['a', 'b', 'c', 'a', 'd'].map((target) => ask(target)),
    [true, true, true, false, false],
  );
  scheduler.release('b');
  assert.deepEqual(woken, ['d']);
});

test('a target that stands still does not hold the last slot', () => {
  const scheduler = new Scheduler(2);
  assert.ok(scheduler.tryAcquire('well', nobodyWaits));
  scheduler.release('well');
  let isWoken = false;
  assert.ok(scheduler.tryAcquire('frozen', nobodyWaits));
  assert.ok(
    !scheduler.tryAcquire('frozen', () => {
      isWoken = true;
    }),
  );
  assert.ok(scheduler.tryAcquire('well', nobodyWaits));
  scheduler.release('well');
  assert.ok(!isWoken);
  scheduler.forget('well');
  assert.ok(isWoken);
});

test('a target that is alone gets every slot', () => {
  const scheduler = new Scheduler(2);
  for (let i = 0; i < 2; i++) assert.ok(scheduler.tryAcquire('a', nobodyWaits));
  assert.ok(!scheduler.tryAcquire('a', () => {}));
});
