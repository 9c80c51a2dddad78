import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DaemonStatus } from '../../src/daemon/status.js';
import { churn } from '../support/churn.js';
import { chooseSeed, Random } from '../support/random.js';
import { type Replication, startReplication } from '../support/replication.js';
import { unlessRoot, withQueueLimit } from '../support/root.js';
import { python } from '../support/run.js';
import { waitFor } from '../support/wait-for.js';

const isOverflow = ({ msg }: { msg: string }) => msg.startsWith("the kernel's queue of events ran over");
const reconciles = ({ imgsync }: Replication) =>
  imgsync.logs.filter(({ msg }) => msg === 'reconcile started');
const sentTo = ({ imgsync }: Replication, name: string): number =>
  imgsync.logs
    .filter(({ msg, target }) => msg === 'delivered' && target === name)
    .reduce((sum, { sentBytes }) => sum + Number(sentBytes), 0);

const directories = 100;
const filesEach = 60;
const sizeBytes = 2_048;

test('10,000 changes while nobody read the queue of 16 events: only what differs is sent', {
  skip: unlessRoot,
}, async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`SEED=${seed}`);
  const random = new Random(seed);
  const files: Record<string, Buffer> = {};
  for (let d = 0; d < directories; d++)
    for (let f = 0; f < filesEach; f++) files[`d${d}/f${f}`] = random.bytes(sizeBytes);
  // As many again that stay as they are.
  for (let d = 0; d < directories; d++)
    for (let f = 0; f < filesEach; f++) files[`same${d}/f${f}`] = random.bytes(sizeBytes);
  const replication = await startReplication(t, { files });
  await replication.settled();
  // What was acknowledged is stored by that.
  await replication.imgsync.stop();
  await withQueueLimit(16, () => replication.restart());
  await replication.firstSyncDone();
  const { source, imgsync } = replication;

  imgsync.freeze();
  let [changes, changedBytes] = [0, 0];
  const write = (path: string) => {
    source.write(path, random.bytes(sizeBytes));
    changedBytes += sizeBytes;
    changes++;
  };
  for (let d = 0; d < directories; d++) {
    for (let f = 0; f < filesEach; f++) write(`d${d}/f${f}`);
    for (let f = 0; f < 10; f++) source.remove(`d${d}/f${f}`);
    for (let f = 10; f < 20; f++) source.move(`d${d}/f${f}`, `d${d}/moved${f}`);
    for (let f = 0; f < 20; f++) write(`d${d}/new/f${f}`);
    changes += 20;
  }
  source.move('d1/new', 'd2/taken');
  source.remove('d3');
  imgsync.thaw();
  await imgsync.waitForLog(isOverflow, 'word of the overflow');
  await replication.settled();

  t.diagnostic(`${changes} changes, ${changedBytes} bytes`);
  assert.ok(changes >= 10_000);
  for (const name of ['target-1', 'target-2']) {
    const sent = sentTo(replication, name);
    t.diagnostic(`${name}: ${sent} bytes sent, ${(sent / changedBytes).toFixed(2)} of what changed`);
    assert.ok(sent < 2 * changedBytes, `${sent} bytes sent for ${changedBytes}`);
  }
  for (const name of ['target-1', 'target-2']) {
    // The queue may run over once more meanwhile, and then what is on its way is compared as well.
    const [, compared] = reconciles(replication).filter(({ target }) => target === name);
    // The root, the changed ones and the new ones, but none that stayed as it was.
    assert.ok(Number(compared?.directories) <= 2 * directories + 1, JSON.stringify(compared));
  }
});

test('a flood that is longer than the look at the tree is healed, and healing makes no events', {
  skip: unlessRoot,
}, async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`SEED=${seed}`);
  const operations = Number(process.env.CHURN_OPERATIONS ?? 600);
  // The churn may shrink the tree by more than half.
  const config = { delete: { max: '100%' } };
  const replication = await withQueueLimit(16, () => startReplication(t, { config }));
  const { source, imgsync } = replication;
  for (let round = 0; round < 2; round++) {
    await churn(t, source.path, { seed: seed + round, threads: 2, operations });
    await replication.settled().catch((error: unknown) => {
      throw new Error(`SEED=${seed}: ${String(error)}`, { cause: error });
    });
  }
  assert.ok(imgsync.logs.some(isOverflow));
  // A comparison that was asked for during another one begins when that has ended.
  await waitFor(
    () => {
      const last = imgsync.logs.findLast(({ msg }) => msg === 'status')?.status as DaemonStatus | undefined;
      return last?.targets.every(({ state }) => state === 'idle') === true;
    },
    { what: 'end of the comparisons' },
  );
  const before = reconciles(replication).length;
  for (let i = 0; i < 5; i++) {
    source.write('quiet', `${i}`);
    await replication.settled();
  }
  assert.equal(reconciles(replication).length, before);
});

/** Blocks the JS thread for 5 s at SIGUSR2, and says so before. */
const freezable = `
  import { writeSync } from 'node:fs';
  process.on('SIGUSR2', () => {
    writeSync(1, 'frozen\\n');
    const until = performance.now() + 5000;
    while (performance.now() < until);
  });`;

const touchAll = `
import os, sys
events, directories, files = map(int, sys.argv[1:])
for i in range(events):
  k = i % (directories * files)
  os.utime(f'd{k % directories}/f{k // directories}', ns=(i * 1000, i * 1000))
`;

test('events at full speed while the JS thread is blocked: none is lost', async (t) => {
  const events = Number(process.env.FLOOD_EVENTS ?? 100_000);
  const files: Record<string, string> = {};
  for (let d = 0; d < 100; d++) for (let f = 0; f < 20; f++) files[`d${d}/f${f}`] = `${d} ${f}`;
  const nodeArgs = ['--import', `data:text/javascript,${encodeURIComponent(freezable)}`];
  const replication = await startReplication(t, { files, targets: 1, nodeArgs });
  await replication.settled();
  const { imgsync, source } = replication;
  process.kill(imgsync.pid, 'SIGUSR2');
  await waitFor(() => imgsync.output.includes('frozen'), { what: 'the blocked thread' });
  const startedAt = performance.now();
  await python(source.path, touchAll, String(events), '100', '20');
  const seconds = (performance.now() - startedAt) / 1000;
  await replication.settled();
  const overflows = imgsync.logs.filter(isOverflow).length;
  t.diagnostic(`${events} events in ${seconds.toFixed(1)} s, overflows told: ${overflows}`);
});
