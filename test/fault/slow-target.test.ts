import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startImgsync } from '../support/imgsync.js';
import { percentile, untilAllHave } from '../support/latency.js';
import { startReplication } from '../support/replication.js';
import { rsyncDaemons } from '../support/rsync-daemon.js';
import { type Tree, tempTree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

let saves = 0;

/** Saves a file. @returns ms until it is on all these targets */
const save = async (source: Tree, targets: readonly Tree[]): Promise<number> => {
  const path = `saves/${saves % 5}/f${saves % 50}`;
  const content = `content ${saves++}`;
  const startedAt = performance.now();
  source.write(path, content);
  await untilAllHave(targets, path, content);
  return performance.now() - startedAt;
};

/** Waits until part of a transfer lies in a temporary file of this directory. */
const underWay = (directory: string): Promise<void> =>
  waitFor(
    () =>
      readdirSync(directory).some(
        (name) => name.startsWith('.bulk.') && statSync(join(directory, name)).size > 0,
      ),
    { what: 'a transfer that is under way' },
  );

test('one frozen daemon of eight, in the middle of a transfer, costs the others nothing', async (t) => {
  const source = tempTree(t, { 'saves/f': '1' });
  const daemons = await rsyncDaemons(t, 8);
  const last = daemons[7];
  assert.ok(last);
  const targets = daemons.map(({ url }, index) => ({
    name: `target-${index + 1}`,
    url,
    ...(index === 7 ? { bandwidthLimit: '1m' } : {}),
  }));
  // As few as there are targets: one that stands still must not hold what another needs.
  const imgsync = startImgsync(t, { source: source.path, targets, maxRsyncs: 8 });
  await imgsync.settled(daemons.map(({ path }) => path));
  const others = daemons.slice(0, 7).map(({ tree }) => tree);
  source.write('bulk', Buffer.alloc(24 * 1024 ** 2, 1));
  await underWay(last.path);
  const free: number[] = [];
  const frozen: number[] = [];
  const rounds = Number(process.env.FROZEN_ROUNDS ?? 4);
  const each = 15;
  for (let round = 0; round < rounds; round++) {
    // Whatever else burdens the machine burdens both.
    last.thaw();
    for (let i = 0; i < each; i++) free.push(await save(source, others));
    last.freeze();
    for (let i = 0; i < each; i++) frozen.push(await save(source, others));
  }
  const [before, during] = [percentile(free, 50), percentile(frozen, 50)];
  t.diagnostic(
    `p50 of ${free.length} saves: ${before.toFixed(1)} ms with all running, ${during.toFixed(1)} ms with one frozen ` +
      `(${((during / before - 1) * 100).toFixed(0)} %)`,
  );
  assert.ok(during < before * 1.5 + 5, `p50 ${before} ms before, ${during} ms while one was frozen`);
  last.thaw();
  await imgsync.settled(daemons.map(({ path }) => path));
});

test('a target away so long that its cursor expires is compared, it alone, and nobody waits for it', async (t) => {
  const replication = await startReplication(t, { targets: 3, config: { changeLogLimit: 65_536 } });
  const { source, daemons, targets, imgsync } = replication;
  const [first, second, third] = daemons;
  assert.ok(first && second && third);
  await third.stop();
  // Some 500 changes fill the log.
  for (let i = 0; i < 30; i++) {
    for (let f = 0; f < 50; f++) source.write(`d${i}/a-name-of-some-length-${f}`, `${i} ${f}`);
    await save(source, targets.slice(0, 2));
  }
  source.remove('d1');
  source.move('d2', 'moved');
  await imgsync.settled([first.path, second.path]);
  await third.start();
  await replication.settled();
  const again = imgsync.logs.filter(
    ({ msg, reason }) => msg === 'reconcile started' && reason === 'the change log ran over',
  );
  assert.ok(again.length > 0);
  assert.deepEqual([...new Set(again.map(({ target }) => target))], ['target-3']);
});
