import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveConfig } from '../../../src/config/resolve.js';
import { tempTree } from '../../support/temp-tree.js';

const faults: readonly (readonly [fullSync: unknown, fault: RegExp])[] = [
  [{}, /\/fullSync\/schedule: is missing: expected a schedule of cron/],
  [
    { schedule: 'daily' },
    /\/fullSync\/schedule: expected a schedule of cron such as "30 3 \* \* \*": .*five/,
  ],
  [{ schedule: '61 * * * *' }, /minute: 61/],
  [{ schedule: '0 0 31 2 *' }, /this one never comes/],
  [{ schedule: '0 3 * * *', timeZone: 'Mars/Olympus' }, /\/fullSync\/timeZone: expected a time zone such as/],
  ['0 3 * * *', /\/fullSync: expected an object/],
];
for (const [fullSync, fault] of faults)
  test(`a fault of fullSync: ${JSON.stringify(fullSync)}`, async (t) => {
    const input = { source: tempTree(t).path, targets: ['rsync://a/m'], fullSync };
    await assert.rejects(resolveConfig(input, 'word'), fault);
  });

test('a schedule with its time zone', async (t) => {
  const fullSync = { schedule: '30 3 * * 0', timeZone: 'Asia/Shanghai' };
  const config = await resolveConfig(
    { source: tempTree(t).path, targets: ['rsync://a/m'], fullSync },
    'word',
  );
  assert.deepEqual(config.fullSync, fullSync);
});
