import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  allowedInFlight,
  next,
  type ReplicaEvent,
  type ReplicaState,
} from '../../../src/replicate/machine.js';
import { Scheduler } from '../../../src/replicate/scheduler.js';

const failure = { code: 'CONNECTION_REFUSED', text: '', hint: '' };
const idle: ReplicaState = { name: 'idle' };
const transferring: ReplicaState = { name: 'transferring', attempt: 0 };
const probing: ReplicaState = { name: 'transferring', attempt: 3 };
const reconciling: ReplicaState = { name: 'reconciling', attempt: 0 };
const backingOff: ReplicaState = { name: 'backing-off', attempt: 3, failure };
const halted: ReplicaState = { name: 'halted', attempt: 1, failure };
const suspended: ReplicaState = { name: 'suspended', failure };
const stopped: ReplicaState = { name: 'stopped' };
const work: ReplicaEvent = { type: 'work', reconcile: false };
const retry: ReplicaEvent = { type: 'failed', verdict: 'retry', failure };
const halt: ReplicaEvent = { type: 'failed', verdict: 'halt', failure };
const tryAgain: ReplicaEvent = { type: 'try-again' };

const table: [ReplicaState, ReplicaEvent, ReplicaState, string][] = [
  [idle, work, transferring, 'send'],
  [idle, { type: 'work', reconcile: true }, reconciling, 'send'],
  [transferring, { type: 'work', reconcile: true }, reconciling, 'send'],
  [reconciling, work, transferring, 'send'],
  [probing, work, probing, 'send'],
  [backingOff, work, backingOff, 'none'],
  [halted, work, halted, 'none'],
  [suspended, work, suspended, 'none'],
  [transferring, { type: 'settled' }, idle, 'none'],
  [backingOff, { type: 'settled' }, backingOff, 'none'],
  [probing, { type: 'delivered' }, transferring, 'send'],
  [backingOff, { type: 'delivered' }, backingOff, 'none'],
  [transferring, retry, { name: 'backing-off', attempt: 1, failure }, 'wait'],
  [probing, retry, { name: 'backing-off', attempt: 4, failure }, 'wait'],
  [backingOff, retry, backingOff, 'none'],
  [transferring, halt, { name: 'halted', attempt: 1, failure }, 'wait'],
  [suspended, retry, suspended, 'none'],
  [backingOff, tryAgain, probing, 'send'],
  [halted, tryAgain, { name: 'transferring', attempt: 1 }, 'send'],
  [idle, tryAgain, idle, 'none'],
  [transferring, { type: 'suspend', failure }, suspended, 'none'],
  [suspended, { type: 'resume' }, idle, 'send'],
  [halted, { type: 'resume' }, halted, 'none'],
  [transferring, { type: 'stop' }, stopped, 'none'],
  [stopped, work, stopped, 'none'],
  [stopped, tryAgain, stopped, 'none'],
];
for (const [from, event, to, effect] of table) {
  test(`${from.name}: ${event.type} leads to ${to.name} and ${effect}`, () => {
    const step = next(from, event);
    assert.deepEqual(step.state, to);
    assert.equal(step.effect.type, effect);
  });
}

test('only a target that takes batches gets several', () => {
  assert.deepEqual(
    [idle, transferring, probing, reconciling, backingOff, halted, suspended, stopped].map((state) =>
      allowedInFlight(state, 2),
    ),
    [0, 2, 1, 2, 0, 0, 0, 0],
  );
});

test('a free slot goes to the waiting target that has the fewest', () => {
  const scheduler = new Scheduler(3);
  const woken: string[] = [];
  const acquire = (target: string) =>
    scheduler.tryAcquire(target, () => {
      woken.push(target);
      acquire(target);
    });
  assert.ok(acquire('greedy') && acquire('greedy') && acquire('other'));
  assert.ok(!acquire('greedy') && !acquire('other') && !acquire('new'));
  scheduler.release('greedy');
  assert.deepEqual(woken, ['new']);
  scheduler.release('other');
  assert.deepEqual(woken, ['new', 'other']);
});

test('a woken target that needs no slot passes it on', () => {
  const scheduler = new Scheduler(1);
  const woken: string[] = [];
  assert.ok(scheduler.tryAcquire('a', () => {}));
  scheduler.tryAcquire('b', () => woken.push('b'));
  scheduler.tryAcquire('c', () => woken.push('c'));
  scheduler.release('a');
  assert.deepEqual(woken, ['b', 'c']);
});
