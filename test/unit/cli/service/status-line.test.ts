import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statusLine } from '../../../../src/cli/service/status-line.js';
import type { DaemonStatus, TargetStatus } from '../../../../src/daemon/status.js';
import { daemonStatus, targetStatus } from '../../../support/status.js';

const target = (name: string, fields: Partial<TargetStatus> = {}) => targetStatus({ name, ...fields });
const status = (fields: Partial<DaemonStatus> = {}) =>
  daemonStatus({ directories: 12_345, targets: [target('a'), target('b')], ...fields });
const refused = { state: 'backing-off', reason: 'Connection refused', pending: 3, lagSeconds: 7 } as const;

for (const [line, of] of [
  ['Setting up the watches: 1 directory so far', status({ live: false, directories: 1 })],
  ['Watching 12,345 directories; 2 of 2 targets up to date', status()],
  ['Watching 12,345 directories; no targets', status({ targets: [] })],
  [
    'Watching 12,345 directories; 1 of 2 targets up to date; 3 changes wait, the oldest for 7 s; b backing-off: Connection refused',
    status({ targets: [target('a'), target('b', refused)] }),
  ],
  [
    'Watching 12,345 directories; 1 of 2 targets up to date; 3 changes wait, the oldest for 7 s; b tried again: Connection refused',
    status({ targets: [target('a'), target('b', { ...refused, state: 'transferring', up: false })] }),
  ],
  [
    'Watching 12,345 directories; 0 of 1 target up to date; comparing 1 (50 %); 1 change waits, the oldest for 5 min; 2 paths stuck; 1 delete held',
    status({
      targets: [
        target('a', {
          state: 'reconciling',
          reconcile: { directoriesDone: 1, directoriesTotal: 2 },
          pending: 1,
          lagSeconds: 300,
          stuck: 2,
          held: 1,
        }),
      ],
    }),
  ],
  [
    'Watching 12,345 directories; 0 of 5 targets up to date; a halted; b halted; c halted; 2 more wait',
    status({ targets: ['a', 'b', 'c', 'd', 'e'].map((name) => target(name, { state: 'halted' })) }),
  ],
  [
    'All targets wait: the source is gone',
    status({ live: false, targets: [target('a', { state: 'suspended', reason: 'the source is gone' })] }),
  ],
] as const)
  test(`status: ${line}`, () => assert.equal(statusLine(of), line));
