import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServiceManager } from '../../../../src/cli/service/service-manager.js';
import { ServiceReport } from '../../../../src/cli/service/service-report.js';
import type { DaemonStatus } from '../../../../src/daemon/status.js';

const setUp = (watchdogMs?: number) => {
  const sent: string[] = [];
  const manager = new ServiceManager('/x', watchdogMs, (_socket, message) => sent.push(message));
  let goLive = (): void => {};
  const daemon = {
    directories: 0,
    isLive: false,
    turns: 0 as number | undefined,
    live: new Promise<void>((resolve) => {
      goLive = resolve;
    }),
    ping: () => daemon.turns,
    status: (): DaemonStatus => ({
      source: '/s',
      startedAt: '2026-01-01T00:00:00.000Z',
      directories: daemon.directories,
      live: daemon.isLive,
      targets: [],
    }),
  };
  const report = new ServiceReport(manager);
  report.follow(daemon);
  return {
    sent,
    daemon,
    report,
    goLive: async () => {
      daemon.isLive = true;
      goLive();
      await daemon.live;
      await Promise.resolve();
    },
  };
};

test('the start may take longer as long as the walk goes on, and no longer', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { sent, daemon } = setUp();
  for (const directories of [1_000, 2_000, 2_000, 2_000]) {
    daemon.directories = directories;
    t.mock.timers.tick(2_000);
  }
  assert.deepEqual(sent, [
    'STATUS=Setting up the watches: 0 directories so far',
    'EXTEND_TIMEOUT_USEC=30000000\nSTATUS=Setting up the watches: 1,000 directories so far',
    'EXTEND_TIMEOUT_USEC=30000000\nSTATUS=Setting up the watches: 2,000 directories so far',
  ]);
});

test('signs of life come at half the time, while the watching thread turns', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { sent, daemon, goLive, report } = setUp(10_000);
  const beats = () => sent.filter((message) => message === 'WATCHDOG=1').length;
  t.mock.timers.tick(60_000);
  assert.equal(beats(), 0, 'before READY the time for the start counts');
  await goLive();
  daemon.turns = 1;
  t.mock.timers.tick(5_000);
  assert.equal(beats(), 1);
  t.mock.timers.tick(5_000);
  t.mock.timers.tick(5_000);
  assert.equal(beats(), 1, 'the thread did not turn');
  daemon.turns = 2;
  t.mock.timers.tick(5_000);
  assert.equal(beats(), 2);
  daemon.turns = undefined;
  t.mock.timers.tick(5_000);
  assert.equal(beats(), 3, 'nothing is watched while the source is lost');
  report.stopping(10);
  t.mock.timers.tick(60_000);
  assert.equal(beats(), 3);
});

test('a reload during the start does not make it ready', async () => {
  const { sent, report } = setUp();
  await report.reloading(async () => {});
  assert.deepEqual(
    sent.filter((message) => /READY|RELOADING/.test(message)),
    [],
  );
});

test('the status is not sent again while it stays the same', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { sent, goLive } = setUp();
  await goLive();
  const before = sent.length;
  t.mock.timers.tick(100_000);
  assert.equal(sent.length, before);
});
