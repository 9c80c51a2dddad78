import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { endOrphans } from '../../src/transfer/orphans.js';

test('what an earlier process left behind is ended, what belongs to others is not', async (t) => {
  const start = async (run: string) => {
    const child = spawn('sleep', ['1000'], {
      env: { ...process.env, IMGSYNC_FAST_RUN: run },
      detached: true,
    });
    t.after(() => child.kill('SIGKILL'));
    await once(child, 'spawn');
    return child;
  };
  const mine = `test-${process.pid}`;
  const orphans = [await start(mine), await start(mine)];
  const other = await start(`${mine}-other`);
  const ended = Promise.all(orphans.map((child) => once(child, 'exit')));
  assert.equal(await endOrphans(mine), 2);
  await ended;
  assert.equal(other.exitCode, null);
  assert.equal(other.signalCode, null);
  assert.equal(await endOrphans(mine), 0);
});
