import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startReplication } from '../support/replication.js';
import { waitFor } from '../support/wait-for.js';

/** Every second. */
const fullSync = { schedule: '* * * * * *' };
const files = { 'a/one.jpg': 'one', 'a/b/two.jpg': 'two', 'top.jpg': 'top' };

test('a full sync heals what somebody else changed at a target, one target at a time', async (t) => {
  const replication = await startReplication(t, { targets: 3, files, config: { fullSync } });
  const { targets, imgsync } = replication;
  await replication.settled();
  for (const target of targets) {
    target.remove('a/one.jpg');
    target.write('a/b/two.jpg', 'something else');
    target.write('a/extra.jpg', 'never was at the source');
    target.remove('top.jpg');
  }
  await replication.settled();
  await waitFor(() => imgsync.logs.filter(({ reason }) => reason === 'full sync').length >= 8, {
    what: 'further full syncs',
  });
  let running: string | undefined;
  for (const { msg, reason, target } of imgsync.logs) {
    if (msg === 'reconcile started' && reason === 'full sync') {
      assert.equal(running, undefined, `${target} began while ${running} was being compared`);
      running = target;
    } else if (msg === 'reconcile finished' && target === running) running = undefined;
  }
});

test('a target that is away keeps the others from nothing, and is compared when it is back', async (t) => {
  const config = { fullSync, retry: { minMs: 50, maxMs: 200 } };
  const replication = await startReplication(t, { targets: 2, files, config });
  const { targets, daemons } = replication;
  const [away, well] = daemons;
  const [first, second] = targets;
  assert.ok(away !== undefined && well !== undefined && first !== undefined && second !== undefined);
  await away.stop('SIGKILL');
  first.remove('top.jpg');
  second.remove('top.jpg');
  await waitFor(() => second.has('top.jpg'), { what: 'the healed target' });
  assert.ok(!first.has('top.jpg'));
  await away.start();
  await replication.settled();
});
