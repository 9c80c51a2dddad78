import type { DaemonStatus, TargetStatus } from '../../src/daemon/status.js';

/** A target that has everything. */
export const targetStatus = (fields: Partial<TargetStatus> = {}): TargetStatus => ({
  name: 'a',
  state: 'idle',
  up: true,
  pending: 0,
  stuck: 0,
  held: 0,
  kept: 0,
  filesSent: 0,
  bytesSent: 0,
  deleted: 0,
  lagSeconds: 0,
  ...fields,
});

/** A daemon that watches `/data`, with one such target. */
export const daemonStatus = (fields: Partial<DaemonStatus> = {}): DaemonStatus => ({
  source: '/data',
  startedAt: '2026-01-01T00:00:00.000Z',
  directories: 5,
  live: true,
  targets: [targetStatus()],
  ...fields,
});
