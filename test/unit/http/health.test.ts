import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DaemonStatus, TargetStatus } from '../../../src/daemon/status.js';
import { readinessOf } from '../../../src/http/health.js';

const statusWith = (live: boolean, ...ups: readonly boolean[]): DaemonStatus => ({
  source: '/data',
  startedAt: '2026-01-01T00:00:00.000Z',
  directories: 3,
  live,
  targets: ups.map((up, index) => ({ name: `${index}`, up }) as TargetStatus),
});

for (const [status, needed, isReady] of [
  [statusWith(true, true, true), 1, true],
  [statusWith(false, true, true), 1, false],
  [statusWith(true, true, false), 1, true],
  [statusWith(true, true, false), 2, false],
  [statusWith(true, false, false), 1, false],
  [statusWith(true, false, false), 0, true],
  // More than there are can't be asked for, and of none nothing.
  [statusWith(true, true), 5, true],
  [statusWith(true), 1, true],
] as const)
  test(`ready ${isReady}: live ${status.live}, up ${status.targets.map(({ up }) => up)}, needed ${needed}`, () =>
    assert.equal(
      readinessOf(status, needed).every(({ isWell }) => isWell),
      isReady,
    ));
