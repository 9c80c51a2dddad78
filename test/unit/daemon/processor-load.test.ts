import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProcessorLoad, type Uptime } from '../../../src/daemon/processor-load.js';
import { waitFor } from '../../support/wait-for.js';

test('the machine is busy when its processors were idle for less than a tenth of the time since', () => {
  let uptime: Uptime | undefined;
  const load = new ProcessorLoad(4, () => uptime);
  const isBusy = (seconds: number, idleSeconds: number) => {
    uptime = { seconds, idleSeconds };
    return load.isBusy();
  };
  assert.ok(isBusy(100, 300), 'nothing to compare with');
  assert.ok(isBusy(101, 300.3));
  assert.ok(isBusy(101.1, 300.7), 'too short to tell: as before');
  assert.ok(!isBusy(102, 301));
  assert.ok(isBusy(113, 345), 'too long ago');
  assert.ok(!isBusy(114, 349));
  uptime = undefined;
  assert.ok(!load.isBusy());
});

test('it is read from this machine', async () => {
  // Of less than no processors no time that was idle is little.
  const load = new ProcessorLoad(-1);
  assert.ok(load.isBusy());
  await waitFor(() => !load.isBusy(), { what: 'a second look at /proc/uptime' });
});
