import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../../src/core/clock.js';
import type { HookCall } from '../../../src/hooks/hook-call.js';
import { HookQueue } from '../../../src/hooks/hook-queue.js';
import { entries, hookOf } from '../../support/hooks.js';

/** Time that passes when it is told to. */
class HandClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  now = (): number => this.#now;
  after = (delayMs: number, callback: () => void): (() => void) => {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };
  async pass(ms: number): Promise<void> {
    this.#now += ms;
    for (const timer of [...this.#timers].filter(({ at }) => at <= this.#now)) {
      this.#timers.delete(timer);
      timer.callback();
    }
    await turn();
  }
}

interface Running {
  readonly call: HookCall;
  readonly signal: AbortSignal;
  end(failure?: string): Promise<void>;
}

const queueOf = (settings: Readonly<Record<string, unknown>> = {}) => {
  const clock = new HandClock();
  const running: Running[] = [];
  const told: string[] = [];
  const hook = hookOf({ type: 'socket', address: 'tcp://h:1', ...settings });
  const queue = new HookQueue(
    hook,
    (call, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
        const end = async (failure?: string): Promise<void> => {
          running.splice(running.indexOf(entry), 1);
          if (failure === undefined) resolve();
          else reject(new Error(failure));
          await turn();
        };
        const entry: Running = { call, signal, end };
        running.push(entry);
      }),
    {
      source: '/data',
      runId: 'run',
      clock,
      random: () => 1,
      observer: {
        failed: (_hook, target, reason, attempt) => told.push(`failed ${target} ${reason} ${attempt}`),
        recovered: (_hook, target) => told.push(`recovered ${target}`),
        lost: (_hook, paths, reason) => told.push(`lost ${paths} ${reason}`),
      },
    },
  );
  return { queue, clock, running, told };
};
const shown = ({ call }: Running): string =>
  `${call.target}: ${call.changes.map(({ path }) => path).join(' ')}`;
const first = (running: readonly Running[]): Running => running[0] ?? assert.fail('nothing runs');

test('one call after the other for a target; what gathers goes together, each path once', async () => {
  const { queue, running } = queueOf();
  queue.add('a', entries('1'));
  queue.add('a', entries('2', '3'));
  queue.add('a', entries('2'));
  assert.deepEqual(running.map(shown), ['a: 1']);
  await first(running).end();
  assert.deepEqual(running.map(shown), ['a: 3 2']);
  await first(running).end();
  assert.equal(queue.status.delivered, 2);
});

test('targets run beside each other, as many as are allowed, and take turns', async () => {
  const { queue, running } = queueOf({ concurrency: 2, maxPaths: 1 });
  for (const target of ['a', 'b', 'c']) queue.add(target, entries('1', '2'));
  assert.deepEqual(running.map(shown), ['a: 1', 'b: 1']);
  await first(running).end();
  assert.deepEqual(running.map(shown), ['b: 1', 'c: 1']);
  await first(running).end();
  assert.deepEqual(running.map(shown), ['c: 1', 'a: 2']);
});

test('a call that fails is tried again with the same name, before all that came later', async () => {
  const { queue, clock, running, told } = queueOf({ retries: 2 });
  queue.add('a', entries('1'));
  queue.add('a', entries('2'));
  const { id } = first(running).call;
  await first(running).end('no');
  assert.equal(running.length, 0);
  await clock.pass(499);
  assert.equal(running.length, 0);
  await clock.pass(1);
  assert.deepEqual(running.map(shown), ['a: 1']);
  assert.equal(first(running).call.id, id);
  await first(running).end();
  assert.deepEqual(running.map(shown), ['a: 2']);
  assert.notEqual(first(running).call.id, id);
  assert.deepEqual(told, ['failed a no 1', 'recovered a']);
  assert.equal(queue.status.lastError, undefined);
});

test('after the last try its paths are given up, and the next call comes', async () => {
  const { queue, clock, running, told } = queueOf({ retries: 1 });
  queue.add('a', entries('1', '2'));
  queue.add('a', entries('3'));
  await first(running).end('no');
  await clock.pass(500);
  await first(running).end('never');
  assert.deepEqual(running.map(shown), ['a: 3']);
  assert.deepEqual(told.slice(-2), ['failed a never 2', 'lost 2 never']);
  const { failed, lost, waiting, lastError } = queue.status;
  assert.deepEqual(
    { failed, lost, waiting, lastError },
    { failed: 2, lost: 2, waiting: 1, lastError: 'never' },
  );
});

test('a call that takes too long is ended', async () => {
  const { queue, clock, running, told } = queueOf({ timeoutSeconds: 3, retries: 0 });
  queue.add('a', entries('1'));
  const { signal } = first(running);
  await clock.pass(3_000);
  assert.ok(signal.aborted);
  assert.deepEqual(told, ['failed a it took longer than 3 s 1', 'lost 1 it took longer than 3 s']);
});

test('a full queue loses its oldest, and counts them', () => {
  const { queue, told } = queueOf({ queuePaths: 2 });
  queue.add('a', entries('1'));
  queue.add('a', entries('2', '3', '4'));
  assert.deepEqual(told, ['lost 1 more paths than queuePaths waited']);
  assert.equal(queue.status.waiting, 3);
});

test('the end calls what waits once; a try that was paused is given up', async () => {
  const { queue, running, told } = queueOf();
  queue.add('paused', entries('1'));
  await first(running).end('no');
  queue.add('a', entries('2'));
  queue.add('a', entries('3'));
  const ended = queue.end();
  queue.add('a', entries('late'));
  await first(running).end();
  assert.deepEqual(running.map(shown), ['a: 3']);
  await first(running).end('no');
  await ended;
  assert.deepEqual(told.slice(1), ['lost 1 imgsync-fast stops', 'failed a no 1', 'lost 1 no']);
});

test('a cut ends the running calls and gives up the rest', async () => {
  const { queue, running, told } = queueOf();
  queue.add('a', entries('1'));
  queue.add('a', entries('2', '3'));
  const ended = queue.end();
  queue.cut();
  await ended;
  assert.ok(first(running).signal.aborted);
  assert.equal(queue.status.lost, 3);
  assert.match(told.join(), /lost 2 imgsync-fast stops/);
});
