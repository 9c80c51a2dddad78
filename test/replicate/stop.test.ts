import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Imgsync, startImgsync } from '../support/imgsync.js';
import { processesOf } from '../support/process-group.js';
import { Random } from '../support/random.js';
import { startReplication } from '../support/replication.js';
import { waitFor } from '../support/wait-for.js';

const endsQuietly = async (imgsync: Imgsync, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
  assert.deepEqual(await imgsync.stop(signal), { code: 0, signal: null });
  assert.deepEqual(processesOf(imgsync.pid), []);
};

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} when all is quiet: exit code 0, nothing left running`, async (t) => {
    const replication = await startReplication(t, { files: { 'a/f': '1' } });
    replication.source.write('a/g', '2');
    await replication.settled();
    await endsQuietly(replication.imgsync, signal);
  });
}

test('SIGTERM in the midst of it, changes while it is down, start: the targets become equal', async (t) => {
  const { source, daemons, imgsync } = await startReplication(t);
  for (let i = 0; i < 3_000; i++) source.write(`${i % 30}/file-${i}`, `${i}`);
  await endsQuietly(imgsync);
  source.remove('3');
  source.remove('4');
  source.write('4', 'a file now');
  source.move('5', '50');
  source.write('6/file-6', '7');
  const again = startImgsync(t, { source: source.path, targets: daemons.map(({ url }) => url) });
  await again.settled(daemons.map(({ path }) => path));
});

/** A transfer that does not end, for its target hangs. */
const hangingTransfer = async (t: TestContext, stopTimeoutSeconds: number): Promise<Imgsync> => {
  const { source, daemons, imgsync } = await startReplication(t, {
    targets: 1,
    config: { stopTimeoutSeconds },
  });
  daemons[0]?.freeze();
  const seen = imgsync.logs.length;
  source.write('big', new Random(1).bytes(10_000_000));
  const isSending = () =>
    imgsync.logs.slice(seen).some(({ msg, state }) => msg === 'state' && state === 'transferring');
  await waitFor(isSending, { what: 'transfer to the hanging target' });
  return imgsync;
};

test('a target that hangs is cut when stopTimeoutSeconds is over', async (t) => {
  const imgsync = await hangingTransfer(t, 1);
  const askedAt = performance.now();
  await endsQuietly(imgsync);
  const tookMs = performance.now() - askedAt;
  assert.ok(tookMs > 900 && tookMs < 20_000, `${tookMs} ms`);
});

test('a second signal cuts the transfers at once', async (t) => {
  const imgsync = await hangingTransfer(t, 600);
  const ending = imgsync.stop('SIGTERM');
  await imgsync.waitForLog(({ msg }) => msg.startsWith('stopping'), 'word about the stop');
  await imgsync.stop('SIGTERM');
  assert.deepEqual(await ending, { code: 143, signal: null });
  assert.deepEqual(processesOf(imgsync.pid), []);
});
