import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crowdMs, Scheduler } from '../../../src/replicate/scheduler.js';

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

/** A scheduler with two running targets, which are as many as make a crowd, and a clock that is moved by hand. */
const crowded = () => {
  let now = 0;
  let isBusy = true;
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  const clock = {
    now: () => now,
    after: (delayMs: number, callback: () => void) => {
      const timer = { at: now + delayMs, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
  };
  const scheduler = new Scheduler(8, { from: 2, isBusy: () => isBusy }, clock);
  for (const target of ['a', 'b']) assert.ok(scheduler.tryAcquire(target, nobodyWaits));
  return {
    scheduler,
    timers,
    pass: (ms: number) => {
      now += ms;
      for (const timer of timers) if (timer.at <= now && timers.delete(timer)) timer.callback();
    },
    rest: () => {
      isBusy = false;
    },
  };
};

test('in a crowd a target waits with its second, another does not', () => {
  const { scheduler } = crowded();
  let woken = 0;
  assert.ok(!scheduler.tryAcquire('a', () => woken++));
  assert.ok(scheduler.tryAcquire('c', nobodyWaits));
  scheduler.release('c');
  assert.equal(woken, 0);
  scheduler.release('b');
  assert.equal(woken, 1);
});

test('it waits for a while only, and its own end ends the waiting', () => {
  const { scheduler, timers, pass } = crowded();
  let woken = 0;
  assert.ok(!scheduler.tryAcquire('a', () => woken++));
  let waitedMs = 0;
  for (; woken === 0; waitedMs += 10) {
    assert.equal(timers.size, 1);
    pass(10);
  }
  assert.ok(waitedMs >= crowdMs && waitedMs < 1.1 * crowdMs, `${waitedMs} ms`);
  assert.ok(scheduler.tryAcquire('a', nobodyWaits));
  scheduler.release('a', true);
  assert.ok(scheduler.tryAcquire('a', nobodyWaits), 'what was not used does not count');
  assert.ok(!scheduler.tryAcquire('a', () => woken++));
  scheduler.release('a');
  scheduler.release('a');
  assert.equal(woken, 2);
  pass(crowdMs);
  assert.equal(timers.size, 0);
});

test('nothing urgent waits in a crowd, and nothing when the machine has something to spare', () => {
  const { scheduler, pass, rest } = crowded();
  assert.ok(scheduler.tryAcquire('a', nobodyWaits, true));
  let woken = 0;
  assert.ok(!scheduler.tryAcquire('b', () => woken++));
  pass(crowdMs / 2);
  assert.equal(woken, 0);
  rest();
  pass(crowdMs / 4);
  assert.equal(woken, 1);
  assert.ok(scheduler.tryAcquire('b', nobodyWaits));
});

test('a target that is alone makes no crowd', () => {
  const scheduler = new Scheduler(3, { from: 1, isBusy: () => true });
  for (let i = 0; i < 3; i++) assert.ok(scheduler.tryAcquire('a', nobodyWaits));
});
