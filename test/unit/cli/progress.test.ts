import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { showProgress } from '../../../src/cli/progress.js';
import { Terminal } from '../../../src/cli/terminal.js';
import type { DaemonStatus } from '../../../src/daemon/status.js';
import { daemonStatus, targetStatus } from '../../support/status.js';

const quiet = daemonStatus();
const syncing = daemonStatus({
  targets: [targetStatus({ state: 'reconciling', reconcile: { directoriesDone: 1, directoriesTotal: 4 } })],
});

/** A logger and what it wrote. */
const recorder = (level: string) => {
  const lines: Record<string, unknown>[] = [];
  const logger = pino(
    { level, base: null, timestamp: false },
    { write: (line) => lines.push(JSON.parse(line)) },
  );
  return { logger, lines };
};

test('without a terminal the first sync is told every ten seconds', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { logger, lines } = recorder('info');
  let status: DaemonStatus = { ...quiet, live: false };
  const progress = showProgress({ status: () => status }, { logger, terminal: undefined });
  t.mock.timers.tick(9_999);
  assert.equal(lines.length, 0);
  t.mock.timers.tick(1);
  assert.deepEqual(lines.splice(0), [{ level: 30, directories: 5, msg: 'setting up the watches' }]);
  status = syncing;
  t.mock.timers.tick(10_000);
  const [line, ...others] = lines.splice(0);
  assert.equal(others.length, 0);
  assert.deepEqual([line?.msg, line?.target, line?.percent], ['progress', 'a', 25]);
  status = quiet;
  t.mock.timers.tick(10_000);
  status = syncing;
  progress.close();
  t.mock.timers.tick(20_000);
  assert.equal(lines.length, 0);
});

/** Second by second, for a timer that is set in between begins at the end of a tick. */
const pass = (t: TestContext, seconds: number): void => {
  for (let second = 0; second < seconds; second++) t.mock.timers.tick(1_000);
};

test('at level debug the status is logged each second while something waits, and once after', (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const { logger, lines } = recorder('debug');
  const waiting = daemonStatus({ targets: [targetStatus({ pending: 3 })] });
  let status = waiting;
  const progress = showProgress({ status: () => status }, { logger, terminal: undefined });
  pass(t, 2);
  status = quiet;
  pass(t, 3);
  progress.close();
  assert.deepEqual(
    lines,
    [waiting, waiting, quiet].map((logged) => ({ level: 20, status: logged, msg: 'status' })),
  );
});

test('the level may be switched while it runs', (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const { logger, lines } = recorder('info');
  const waiting = daemonStatus({ targets: [targetStatus({ pending: 3 })] });
  const progress = showProgress({ status: () => waiting }, { logger, terminal: undefined });
  pass(t, 15);
  assert.equal(lines.length, 0);
  logger.level = 'debug';
  pass(t, 5);
  assert.equal(lines.length, 1);
  pass(t, 3);
  assert.equal(lines.length, 4);
  logger.level = 'info';
  pass(t, 30);
  progress.close();
  assert.equal(lines.length, 4);
});

test('on a terminal a table is drawn four times a second and the last one stays', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { logger, lines } = recorder('info');
  const written: string[] = [];
  const terminal = new Terminal({
    rows: 24,
    write: (text) => written.push(text),
  });
  const progress = showProgress({ status: () => syncing }, { logger, terminal });
  t.mock.timers.tick(1_000);
  assert.equal(written.length, 4);
  assert.match(written[3] ?? '', /\/data: 5 directories watched\n.*\n.* 25 % {2}1 of 4 directories compared/);
  progress.close();
  assert.equal(written.length, 5);
  terminal.write('end\n');
  assert.equal(written[5], 'end\n');
  assert.equal(lines.length, 0);
});
