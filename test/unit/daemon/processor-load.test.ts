import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProcessorLoad, type Uptime } from '../../../src/daemon/processor-load.js';
import { waitFor } from '../../support/wait-for.js';

test('the machine is busy when its processors were idle for less than a tenth of the time since', () => {
  let uptime: Uptime | undefined;
  let reads = 0;
  const read = () => {
    reads++;
    return uptime;
  };
  let nowMs = 0;
  const load = new ProcessorLoad(4, read, () => nowMs);
  const isBusy = (seconds: number, idleSeconds: number) => {
    uptime = { seconds, idleSeconds };
    nowMs = seconds * 1_000;
    return load.isBusy();
  };
  assert.ok(isBusy(100, 300), 'nothing to compare with');
  assert.ok(isBusy(101, 300.3));
  assert.ok(isBusy(101.1, 300.7), 'too short to tell: as before');
  assert.ok(!isBusy(102, 301));
  assert.ok(isBusy(113, 345), 'too long ago');
  assert.ok(!isBusy(114, 349));
  assert.equal(reads, 5);
  uptime = undefined;
  nowMs += 1_000;
  assert.ok(!load.isBusy());
});

test('it is read from this machine', async () => {
  // Of less than no processors no time that was idle is little.
  const load = new ProcessorLoad(-1);
  assert.ok(load.isBusy());
  await waitFor(() => !load.isBusy(), { what: 'a second look at /proc/uptime' });
});
