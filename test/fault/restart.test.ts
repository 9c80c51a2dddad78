import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { churn } from '../support/churn.js';
import { chooseSeed, Random } from '../support/random.js';
import { type Replication, startReplication } from '../support/replication.js';
import { python } from '../support/run.js';
import { tempDirectory } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

const delivered = ({ imgsync }: Replication) => imgsync.logs.filter(({ msg }) => msg === 'delivered');
const compared = ({ imgsync }: Replication) =>
  imgsync.logs.flatMap(({ msg, directories }) => (msg === 'reconcile finished' ? [directories] : []));

/** Waits until every target acknowledged all that is known. */
const idle = ({ imgsync, daemons }: Replication) =>
  waitFor(
    () => {
      const states = new Map(
        imgsync.logs.flatMap(({ msg, target, state }) => (msg === 'state' ? [[target, state]] : [])),
      );
      return states.size === daemons.length && [...states.values()].every((state) => state === 'idle');
    },
    { what: 'the targets to be idle' },
  );

const files = Object.fromEntries(
  Array.from({ length: 200 }, (_, i) => [`d${i % 20}/sub${i % 3}/f${i}`, `content ${i}`]),
);

test('a start over an unchanged tree sends nothing and starts no rsync', async (t) => {
  const replication = await startReplication(t, { files });
  await replication.settled();
  assert.deepEqual(await replication.imgsync.stop(), { code: 0, signal: null });
  const connections = replication.daemons.map((daemon) => daemon.connectionsSoFar());
  await replication.restart();
  await replication.firstSyncDone();
  assert.deepEqual(compared(replication), [0, 0]);
  assert.deepEqual(delivered(replication), []);
  assert.deepEqual(
    replication.daemons.map((daemon) => daemon.connectionsSoFar()),
    connections,
  );
});

test('directories that were made while it ran are not compared at the next start', async (t) => {
  const replication = await startReplication(t, { files });
  const { source, imgsync } = replication;
  for (const top of ['soon', 'later']) {
    for (let i = 0; i < 10; i++) {
      source.makeDirectory(`${top}${i}/empty/too`);
      source.write(`${top}${i}/deep/er/f`, `content ${i}`);
      source.write(`d${i}/sub0/${top}/f`, `content ${i}`);
    }
    await replication.settled();
    await idle(replication);
  }
  assert.deepEqual(await imgsync.stop(), { code: 0, signal: null });
  const connections = replication.daemons.map((daemon) => daemon.connectionsSoFar());
  await replication.restart();
  await replication.firstSyncDone();
  assert.deepEqual(compared(replication), [0, 0]);
  assert.deepEqual(
    replication.daemons.map((daemon) => daemon.connectionsSoFar()),
    connections,
  );
});

test('a target that was asked how it deletes is not asked again at the next start', async (t) => {
  const replication = await startReplication(t, { files, config: { standby: 'off' } });
  await replication.settled();
  await replication.imgsync.stop();
  const connections = () => replication.daemons.map(({ log }) => log.split('connect from').length);
  const before = connections();
  replication.source.remove('d1/sub1');
  replication.source.write('d2/new', 'made meanwhile');
  await replication.restart();
  await replication.settled();
  await replication.firstSyncDone();
  const batches = replication.daemons.map(
    (_daemon, index) =>
      delivered(replication).filter(({ target }) => target === `target-${index + 1}`).length,
  );
  assert.ok(batches.every((count) => count > 0));
  assert.deepEqual(
    connections(),
    before.map((count, index) => count + Number(batches[index])),
  );
});

test('after a stop only the directories that changed meanwhile are compared', async (t) => {
  const replication = await startReplication(t, { files });
  await replication.settled();
  await replication.imgsync.stop();
  const { source } = replication;
  // The same size and the same time: only the inode's change time tells.
  const time = join(tempDirectory(t, 'time'), 'of');
  execFileSync('touch', ['-r', String(source.at('d1/sub1/f1')), time]);
  source.write('d1/sub1/f1', 'CONTENT 1');
  execFileSync('touch', ['-r', time, String(source.at('d1/sub1/f1'))]);
  source.remove('d2/sub2');
  renameSync(source.at('d3/sub0'), source.at('d4/moved'));
  await replication.restart();
  await replication.firstSyncDone();
  await replication.settled();
  for (const count of compared(replication)) assert.ok(Number(count) <= 5, `${count} directories`);
});

test('a damaged store is set aside, and everything is compared once', async (t) => {
  const stateDir = tempDirectory(t, 'state');
  const replication = await startReplication(t, { files, config: { stateDir } });
  await replication.settled();
  await replication.imgsync.stop();
  writeFileSync(join(stateDir, 'digests.mdb'), 'a text, and no store');
  replication.source.remove('d5');
  replication.source.write('d6/new', 'made meanwhile');
  await replication.restart();
  const line = await replication.imgsync.waitForLog(({ msg }) => msg.includes('set aside'), 'word of it');
  assert.equal(line.level, 'warn');
  assert.match(String(line.file), /digests\.mdb\.corrupt-/);
  await replication.settled();
});

/** Writes to 20 files, or to all, in their place: neither the size nor, to the nanosecond, the time of their content tells. */
const writeBehind = `
import os, random, stat, sys
root, seed = os.fsencode(sys.argv[1]), sys.argv[2]
files = sorted(os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names)
for path in random.Random(seed).sample(files, len(files) if sys.argv[3:] == ['all'] else min(20, len(files))):
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode) or status.st_size == 0: continue
    with open(path, 'r+b') as file: file.write(os.urandom(1))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
`;

test('killed in its first comparison, it finds what changes behind the same size and time while it is down', async (t) => {
  const replication = await startReplication(t, { files });
  const { source, imgsync } = replication;
  await imgsync.waitForLog(({ msg }) => msg === 'delivered', 'a first delivery');
  await imgsync.stop('SIGKILL');
  await python(source.path, writeBehind, source.path, String(chooseSeed()), 'all');
  await replication.restart();
  await replication.settled();
});

const rounds = Number(process.env.KILL_ROUNDS ?? 4);

test(`${rounds} times killed at a random moment, changed while it was down, started again`, async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`SEED=${seed}`);
  const random = new Random(seed);
  // What a churn deletes while nobody looks may well be most of the tree.
  const replication = await startReplication(t, { files, config: { delete: { max: '100%' } } });
  const { source } = replication;
  for (let round = 0; round < rounds; round++) {
    const changes = churn(t, source.path, { seed: random.below(1e9), threads: 2, operations: 400 });
    const killAfter = random.below(60);
    const seen = delivered(replication).length;
    // At a moment that depends on what was delivered, not on the clock.
    await Promise.race([
      changes,
      replication.imgsync.waitForLog(
        () => delivered(replication).length >= seen + killAfter,
        `${killAfter} deliveries`,
      ),
    ]);
    const { signal } = await replication.imgsync.stop('SIGKILL');
    assert.equal(signal, 'SIGKILL');
    await changes;
    await churn(t, source.path, { seed: random.below(1e9), threads: 1, operations: 100 });
    await python(source.path, writeBehind, source.path, String(random.below(1e9)));
    source.remove('always');
    source.write('always', `round ${round}`);
    await replication.restart();
    await replication.settled().catch((error: unknown) => {
      throw new Error(`SEED=${seed} round ${round}: ${String(error)}`, { cause: error });
    });
  }
});
