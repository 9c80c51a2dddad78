import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateMeter } from '../../../src/cli/rate.js';
import { progressOf, type TargetReport, tableOf } from '../../../src/cli/report.js';
import { targetStatus } from '../../support/status.js';

const startedAt = '2026-01-01T00:00:00.000Z';
const target = (fields: Partial<TargetReport>): TargetReport => ({
  ...targetStatus(),
  filesPerSecond: 0,
  bytesPerSecond: 0,
  ...fields,
});
const targets = [
  target({ name: 'img64', filesSent: 1234 }),
  target({
    name: '图片',
    state: 'reconciling',
    pending: 120,
    lagSeconds: 0.14,
    filesPerSecond: 811.6,
    bytesPerSecond: 23_060_000,
    reconcile: { directoriesDone: 450, directoriesTotal: 1000 },
  }),
  target({ name: 'c', state: 'halted', reason: 'AUTH_FAILED: no', lagSeconds: 7200, stuck: 3 }),
];

test('the table has a line for each target', () =>
  assert.deepEqual(tableOf({ source: '/data', startedAt, directories: 12_345, live: true, targets }, false), [
    '/data: 12,345 directories watched',
    'target  state        pending   lag  files/s  MB/s   sent  stuck  held',
    'img64   idle               0     -        0   0.0  1,234      0     0',
    '图片    reconciling      120  0.1s      812  23.1      0      0     0   45 %  450 of 1,000 directories compared',
    'c       halted             0  2.0h        0   0.0      0      3     0  AUTH_FAILED: no',
  ]));

test('the headline says when watching is being set up', () =>
  assert.equal(
    tableOf({ source: '/data', startedAt, directories: 7, live: false, targets: [] }, false)[0],
    '/data: 7 directories found, setting up the watches',
  ));

test('colors change nothing but the state', () => {
  const report = { source: '/data', startedAt, directories: 1, live: true, targets };
  const colored = tableOf(report, true);
  assert.match(colored[2] ?? '', /^img64 {3}\x1b\[32midle {7}\x1b\[0m /);
  assert.deepEqual(
    colored.map((line) => line.replace(/\x1b\[\d+m/g, '')),
    tableOf(report, false),
  );
});

test('the log says how far a target is', () => {
  assert.deepEqual(progressOf(targets[1] ?? target({})), {
    target: '图片',
    state: 'reconciling',
    directories: 450,
    ofDirectories: 1000,
    percent: 45,
    files: 0,
    bytes: 0,
    filesPerSecond: 812,
    bytesPerSecond: 23_060_000,
  });
});

test('a rate is measured over the window', () => {
  const meter = new RateMeter(1000);
  assert.equal(meter.update(100, 0), 0);
  assert.equal(meter.update(150, 500), 100);
  assert.equal(meter.update(200, 1000), 100);
  assert.equal(meter.update(200, 1500), 50);
  assert.equal(meter.update(200, 2000), 0);
  assert.equal(meter.update(300, 12_000), 10);
});
