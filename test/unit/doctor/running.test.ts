import assert from 'node:assert/strict';
import { test } from 'node:test';
import { examineRunning, type RunningStatus } from '../../../src/doctor/running.js';

const target = { name: 'a', state: 'idle', up: true, stuck: 0, held: 0 };
const refused = { up: false, reason: 'CONNECTION_REFUSED: no' };

const told = async (fields: Partial<RunningStatus['targets'][number]>): Promise<string[]> => {
  const findings = await examineRunning(1, async () => ({ live: true, targets: [{ ...target, ...fields }] }));
  return findings.flatMap(({ level, text }) => (level === 'ok' ? [] : [`${level} ${text}`]));
};

for (const [fields, expected] of [
  [{}, []],
  [{ state: 'transferring' }, []],
  [{ state: 'backing-off', ...refused }, ['warn backing-off: CONNECTION_REFUSED: no']],
  [{ state: 'transferring', ...refused }, ['warn tried again: CONNECTION_REFUSED: no']],
  [{ state: 'reconciling', ...refused }, ['warn tried again: CONNECTION_REFUSED: no']],
  [{ state: 'suspended', up: false }, ['warn suspended: see the log']],
  [{ state: 'paused', ...refused }, []],
  [{ stuck: 2, held: 3 }, ['warn 2 paths are stuck', 'warn the deletes of 3 paths are held']],
] as const)
  test(`a target of a running one, ${JSON.stringify(fields)}`, async () =>
    assert.deepEqual(await told(fields), expected));
