import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../support/free-port.js';
import { startImgsync } from '../support/imgsync.js';
import { percentile, untilAllHave } from '../support/latency.js';
import { startReplication } from '../support/replication.js';
import { rsyncDaemon } from '../support/rsync-daemon.js';
import { type Tree, tempTree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

const outageMs = 20_000;

/** Saves files one after the other for some time. @returns ms until each was on all these targets */
const saveFor = async (durationMs: number, source: Tree, targets: readonly Tree[]): Promise<number[]> => {
  const latencies: number[] = [];
  const startedAt = performance.now();
  for (let i = 0; performance.now() < startedAt + durationMs; i++) {
    const path = `load/${i % 50}/file-${i % 500}`;
    const content = `${startedAt} ${i}`;
    source.write(path, content);
    const savedAt = performance.now();
    await untilAllHave(targets, path, content);
    latencies.push(performance.now() - savedAt);
  }
  return latencies;
};

test('a daemon that is down under load costs the others nothing, and catches up by itself', async (t) => {
  const replication = await startReplication(t, { targets: 3 });
  const { source, daemons, targets, imgsync } = replication;
  const [first, second, third] = daemons;
  assert.ok(first && second && third);
  const before = await saveFor(5_000, source, targets.slice(0, 2));
  await third.stop();
  const during = await saveFor(outageMs, source, targets.slice(0, 2));
  await third.start();
  await replication.settled();
  const [p50Before, p50During, p90During] = [
    percentile(before, 50),
    percentile(during, 50),
    percentile(during, 90),
  ];
  t.diagnostic(
    `${before.length} saves before, p50 ${p50Before.toFixed(1)} ms; ` +
      `${during.length} saves during the outage, p50 ${p50During.toFixed(1)} ms, p90 ${p90During.toFixed(1)} ms`,
  );
  assert.ok(p50During < 2 * p50Before + 20, `p50 ${p50Before} ms before, ${p50During} ms during the outage`);
  const isAboutThird = ({ target }: { target?: string }) => target === 'target-3';
  assert.ok(
    imgsync.logs.some((line) => isAboutThird(line) && line.level === 'warn' && line.code !== undefined),
  );
  const again = ({ msg }: { msg: string }) => msg === 'the target takes changes again';
  assert.ok(imgsync.logs.some((line) => isAboutThird(line) && again(line)));
});

test('a target that hangs costs the others nothing', async (t) => {
  const replication = await startReplication(t, { targets: 3, config: { rsync: { timeoutSeconds: 5 } } });
  const { source, daemons, targets } = replication;
  daemons[2]?.freeze();
  const during = await saveFor(8_000, source, targets.slice(0, 2));
  daemons[2]?.thaw();
  await replication.settled();
  assert.ok(during.length > 20, `${during.length} saves`);
});

test('a target that can not be reached at the start: the others are filled, it is said, and it is tried again', async (t) => {
  const source = tempTree(t, { 'a/f': '1' });
  const up = await rsyncDaemon(t);
  const port = await freePort();
  const down = `rsync://127.0.0.1:${port}/tree`;
  const imgsync = startImgsync(t, { source: source.path, targets: [up.url, { name: 'down', url: down }] });
  await imgsync.settled([up.path]);
  const warning = await imgsync.waitForLog(
    ({ level, target }) => level === 'warn' && target === 'down',
    'word about the target that is down',
  );
  assert.equal(warning.code, 'CONNECTION_REFUSED');
  source.write('a/g', '2');
  const late = await rsyncDaemon(t, { port });
  await imgsync.settled([up.path, late.path]);
  await waitFor(() => imgsync.logs.some(({ msg }) => msg === 'the target takes changes again'), {
    what: 'word about its return',
  });
});
