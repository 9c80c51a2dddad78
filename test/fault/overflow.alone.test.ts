import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { askControl } from '../../src/cli/control-client.js';
import type { SettledReport } from '../../src/daemon/settled.js';
import type { DaemonStatus } from '../../src/daemon/status.js';
import { ask } from '../support/ask.js';
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

/** Waits as `imgsync-fast wait` does, for as long as it takes. */
const wait = async ({ imgsync }: Replication): Promise<SettledReport> => {
  const { stateDir } = JSON.parse(readFileSync(imgsync.file, 'utf8')) as { readonly stateDir: string };
  return (await askControl(stateDir, 'POST /v1/wait', {}, 0)) as SettledReport;
};

test('a wait over events that were lost ends when what they told is there', {
  skip: unlessRoot,
}, async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`SEED=${seed}`);
  const random = new Random(seed);
  const files: Record<string, string> = {};
  for (let i = 0; i < 400; i++) files[`d${i % 20}/f${i}`] = 'old';
  const replication = await startReplication(t, { files, config: { http: { listen: '127.0.0.1:0' } } });
  await replication.imgsync.stop();
  await withQueueLimit(16, () => replication.restart());
  const { source, imgsync, targets } = replication;
  const { port } = await imgsync.waitForLog(({ msg }) => msg === 'listening for http', 'its port');
  assert.equal((await wait(replication)).settled, true);
  /** The log does not tell of each. */
  const overflows = async (): Promise<number> => {
    const { text } = await ask({ port: Number(port), path: '/metrics' });
    return Number(/^imgsync_event_queue_overflows_total\{.*\} (\d+)$/m.exec(text)?.[1]);
  };
  for (let round = 0; round < 5; round++) {
    const before = await overflows();
    imgsync.freeze();
    const expected = new Map<string, Buffer | undefined>();
    for (let i = 0; i < 200; i++) {
      const path = `d${random.below(25)}/f${random.below(400)}`;
      if (random.chance(0.2)) {
        source.remove(path);
        expected.set(path, undefined);
      } else {
        const content = random.bytes(50);
        source.write(path, content);
        expected.set(path, content);
      }
    }
    // Asked for when it is lost already, but before anybody knows.
    const waiting = wait(replication);
    imgsync.thaw();
    const report = await waiting;
    assert.equal(report.settled, true, JSON.stringify(report));
    for (const target of targets)
      for (const [path, content] of expected) {
        const found = target.has(path) ? target.read(path) : undefined;
        const isSame = content === undefined ? found === undefined : found?.equals(content) === true;
        assert.ok(isSame, `round ${round}: ${path} is not at ${target.path} as it was saved`);
      }
    await waitFor(async () => (await overflows()) > before, { what: 'word of the overflow' });
  }
});

test('a wait that is under way when events are lost ends when what it waits for is there', {
  skip: unlessRoot,
}, async (t) => {
  const replication = await startReplication(t, { files: { a: 'old', 'd/x': 'x' } });
  await replication.imgsync.stop();
  await withQueueLimit(16, () => replication.restart());
  const { source, imgsync, targets } = replication;
  assert.equal((await wait(replication)).settled, true);
  const paused = replication.command('pause', 'target-2');
  assert.equal(paused.code, 0, paused.stderr);
  source.write('a', 'new');
  let report: SettledReport | undefined;
  const waiting = wait(replication).then((ended) => {
    report = ended;
    return ended;
  });
  assert.equal(replication.command('wait', '--target', 'target-1').code, 0);
  imgsync.freeze();
  for (let i = 0; i < 200; i++) source.write(`d/f${i}`, `${i}`);
  imgsync.thaw();
  await imgsync.waitForLog(isOverflow, 'word of the overflow');
  assert.equal(replication.command('wait', '--target', 'target-1').code, 0);
  for (let i = 0; i < 200; i++) assert.equal(targets[0]?.read(`d/f${i}`).toString(), `${i}`);
  // The other one still has nothing.
  assert.equal(report, undefined);
  assert.equal(targets[1]?.read('a').toString(), 'old');
  assert.equal(replication.command('resume', 'target-2').code, 0);
  assert.equal((await waiting).settled, true);
  assert.equal(targets[1]?.read('a').toString(), 'new');
  await replication.settled();
});
