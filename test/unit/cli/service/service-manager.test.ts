import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServiceManager, takeServiceManager } from '../../../../src/cli/service/service-manager.js';

test('what the manager left is taken out of the environment', () => {
  const env: NodeJS.ProcessEnv = {
    NOTIFY_SOCKET: '/run/x',
    WATCHDOG_USEC: '60000000',
    WATCHDOG_PID: String(process.pid),
    PATH: '/bin',
  };
  const manager = takeServiceManager(env);
  assert.deepEqual(env, { PATH: '/bin' });
  assert.deepEqual([manager.isThere, manager.watchdogMs], [true, 60_000]);
});

for (const [what, env, isThere, watchdogMs] of [
  ['without a manager', {}, false, undefined],
  ['with an empty socket', { NOTIFY_SOCKET: '' }, false, undefined],
  ['signs of life of another process', { NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '1', WATCHDOG_PID: '1' }, true],
  ['nonsense', { NOTIFY_SOCKET: '/x', WATCHDOG_USEC: 'often' }, true, undefined],
] as const) {
  test(`the manager of an environment: ${what}`, () => {
    const manager = takeServiceManager({ ...env });
    assert.deepEqual([manager.isThere, manager.watchdogMs], [isThere, watchdogMs]);
  });
}

test('one message, its values without line breaks', () => {
  const sent: string[] = [];
  const manager = new ServiceManager('/x', undefined, (_socket, message) => sent.push(message));
  manager.send({ READY: 1, STATUS: 'bad\nWATCHDOG=1\r\u2028中' });
  assert.deepEqual(sent, ['READY=1\nSTATUS=bad WATCHDOG=1 中']);
  manager.send({ STATUS: 'x'.repeat(5_000) });
  assert.ok((sent[1]?.length ?? 0) < 500);
});

test('a full queue is waited for, in order; any other failure drops the message', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const sent: string[] = [];
  let failure: string | undefined = 'EAGAIN';
  const manager = new ServiceManager('/x', undefined, (_socket, message) => {
    if (failure !== undefined) throw Object.assign(new Error(failure), { code: failure });
    sent.push(message);
  });
  manager.send({ READY: 1 });
  manager.send({ WATCHDOG: 1 });
  t.mock.timers.tick(1_000);
  assert.deepEqual(sent, []);
  failure = undefined;
  t.mock.timers.tick(100);
  assert.deepEqual(sent, ['READY=1', 'WATCHDOG=1']);
  failure = 'ENOENT';
  manager.send({ STATUS: 'lost' });
  failure = undefined;
  manager.send({ STOPPING: 1 });
  assert.deepEqual(sent.slice(2), ['STOPPING=1']);
});
