import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, statSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import type { DaemonStatus } from '../../src/daemon/status.js';
import type { VerifyReport } from '../../src/daemon/verification.js';
import type { WhyReport } from '../../src/daemon/why.js';
import { type CommandResult, imgsyncFast } from '../support/command.js';
import { type Replication, startReplication } from '../support/replication.js';
import { rsyncDaemon } from '../support/rsync-daemon.js';
import { waitFor } from '../support/wait-for.js';

/** A started rsync would notice only after its time limit that the daemon behind it was ended. */
const config = { standby: 'off' };

const run = ({ imgsync }: Replication, verb: string, ...args: readonly string[]): Promise<CommandResult> =>
  imgsyncFast(verb, '--config', imgsync.file, ...args);

/** Runs it with `--json`, which has to have the schema. */
const json = async <Document>(replication: Replication, verb: string, ...args: readonly string[]) => {
  const { stdout, stderr } = await run(replication, verb, ...args, '--json');
  assert.notEqual(stdout, '', stderr);
  const document = JSON.parse(stdout) as Document & { readonly schema: string };
  assert.equal(document.schema, `imgsync-fast/${verb}/1`);
  return document;
};

/** The exit code 0 and nothing said beside the data. */
const done = async (answer: Promise<CommandResult>): Promise<string> => {
  const { code, stdout, stderr } = await answer;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  return stdout;
};

const placesOf = async (replication: Replication, path: string) =>
  (await json<WhyReport>(replication, 'why', path)).targets.map(({ place }) => place);

test('status: a table for people, JSON for programs', async (t) => {
  const replication = await startReplication(t, { targets: 2, files: { a: 'one' }, config });
  await done(run(replication, 'wait'));
  const table = await done(run(replication, 'status'));
  assert.match(table, /^\S+: 1 directory watched$/m);
  assert.match(table, /^target +state +pending +lag .* last success$/m);
  assert.match(table, /^target-1 +idle +0 +- .* ago$/m);
  await replication.daemons[1]?.stop();
  replication.source.write('a', 'two');
  await waitFor(
    async () => (await json<DaemonStatus>(replication, 'status')).targets[1]?.state === 'backing-off',
    { what: 'a target that is backing off' },
  );
  // It may be tried again just now.
  const row = /^target-2 +(backing-off|transferring) +1 .*CONNECTION/m;
  assert.match(await done(run(replication, 'status')), row);
});

test('why: the right answer for every way in which a path can stand', async (t) => {
  const replication = await startReplication(t, {
    targets: 2,
    files: { 'a/old': '1', 'a/x.tmp': '2', 'hidden/b': '3' },
    config: { ...config, exclude: ['*.tmp', '/hidden/'] },
  });
  const { source, daemons } = replication;
  await done(run(replication, 'wait'));
  assert.deepEqual((await json<WhyReport>(replication, 'why', 'a/x.tmp')).excluded, {
    path: 'a/x.tmp',
    pattern: '*.tmp',
    pointer: '/exclude/0',
  });
  assert.match(
    await done(run(replication, 'why', 'hidden/b')),
    /excluded: "\/hidden\/" at \/exclude\/1 .* hidden$/m,
  );
  assert.deepEqual(await placesOf(replication, 'a/old'), ['acknowledged', 'acknowledged']);
  assert.deepEqual(await placesOf(replication, 'a/never'), ['never seen', 'never seen']);

  source.write('a/new', '4');
  await done(run(replication, 'wait'));
  assert.match(
    await done(run(replication, 'why', String(source.at('a/new')))),
    /^target-1: acknowledged at 20/m,
  );

  const fd = openSync(source.at('a/open'), 'w');
  writeSync(fd, 'half');
  assert.match(await done(run(replication, 'why', 'a/open')), /^being written/m);
  closeSync(fd);
  source.remove('a/new');
  await done(run(replication, 'wait'));
  assert.match(
    await done(run(replication, 'why', 'a/new')),
    /does not have it\ntarget-1: acknowledged at 20/,
  );

  await daemons[1]?.stop();
  source.write('a/late', '5');
  await done(run(replication, 'wait', '--target', 'target-1'));
  await waitFor(
    async () => /backing-off: CONNECTION/.test((await run(replication, 'why', 'a/late')).stdout),
    {
      what: 'why of a target that is down',
    },
  );
  assert.deepEqual(await placesOf(replication, 'a/late'), ['acknowledged', 'pending']);
  await daemons[1]?.start();
  await done(run(replication, 'wait'));

  daemons[1]?.freeze();
  source.write('a/flying', '6');
  await waitFor(async () => (await placesOf(replication, 'a/flying'))[1] === 'in flight', {
    what: 'in flight',
  });
  daemons[1]?.thaw();
  await done(run(replication, 'wait'));
});

test('why: what a target can not take is stuck, with its error', async (t) => {
  const replication = await startReplication(t, {
    targets: 1,
    before: (daemon) => daemon.configure((text) => `${text}exclude = refused\n`),
  });
  replication.source.write('refused', '1');
  await waitFor(async () => (await placesOf(replication, 'refused'))[0] === 'stuck', {
    what: 'a stuck path',
  });
  assert.match(await done(run(replication, 'why', 'refused')), /^target-1: stuck since .*: [A-Z_]+: /m);
  assert.equal((await run(replication, 'wait', '--timeout', '200ms', '--path', 'refused')).code, 3);
  replication.source.write('taken', '2');
  await done(run(replication, 'wait', '--path', 'taken'));
});

test('pause, resume and drain, over a restart', async (t) => {
  const replication = await startReplication(t, { targets: 2, files: { a: 'one' }, config });
  const { source, targets } = replication;
  await done(run(replication, 'wait'));
  assert.equal(await done(run(replication, 'pause', 'target-2')), 'target-2: paused\n');
  source.write('a', 'two');
  await done(run(replication, 'wait', '--target', 'target-1'));
  assert.deepEqual(await placesOf(replication, 'a'), ['acknowledged', 'unread']);
  await replication.imgsync.stop();
  await replication.restart();
  source.write('b', 'three');
  await done(run(replication, 'wait', '--target', 'target-1'));
  const { targets: states } = await json<DaemonStatus>(replication, 'status');
  assert.deepEqual(
    states.map(({ state }) => state),
    ['idle', 'paused'],
  );
  assert.equal((await run(replication, 'wait', '--timeout', '200ms')).code, 3);
  assert.equal(targets[1]?.read('a').toString(), 'one');
  assert.equal(targets[1]?.has('b'), false);

  await done(run(replication, 'resume', 'target-2'));
  await done(run(replication, 'wait'));
  assert.equal(targets[1]?.read('a').toString(), 'two');
  assert.equal(targets[1]?.read('b').toString(), 'three');

  source.write('c', 'four');
  assert.equal(
    await done(run(replication, 'drain', 'target-2')),
    'target-2: has everything, and is paused\n',
  );
  assert.equal(targets[1]?.read('c').toString(), 'four');
  source.write('c', 'five');
  await done(run(replication, 'wait', '--target', 'target-1'));
  assert.equal(targets[1]?.read('c').toString(), 'four');
  await replication.daemons[1]?.stop();
  const late = await run(replication, 'drain', 'target-2', '--timeout', '300ms');
  assert.equal(late.code, 3, late.stderr);
  assert.equal((await run(replication, 'pause', 'nobody')).code, 64);
});

test('push and full bring back what a target lost, and verify finds and heals it', async (t) => {
  const files = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`d${i % 4}/f${i}`, `content ${i}`]));
  const replication = await startReplication(t, { targets: 2, files, config });
  const [target] = replication.targets;
  assert.ok(target !== undefined);
  await done(run(replication, 'wait'));
  const verified = async (...args: readonly string[]) => {
    const { targets } = await json<VerifyReport>(replication, 'verify', ...args);
    return targets.map(({ paths = [] }) => paths.map(({ path, drift }) => `${drift} ${path}`).sort());
  };
  assert.deepEqual(await verified('--checksum'), [[], []]);

  const spoil = () => {
    target.remove('d1/f1');
    target.write('d2/extra', 'x');
    const file = target.at('d3/f3');
    const { atimeMs, mtimeMs } = statSync(file);
    writeFileSync(file, 'CONTENT 3');
    utimesSync(file, atimeMs / 1000, mtimeMs / 1000);
  };
  // To the nanosecond the same, for rsync compares these as well.
  utimesSync(replication.source.at('d3/f3'), 1_700_000_000, 1_700_000_000);
  await done(run(replication, 'wait'));
  spoil();
  assert.deepEqual(
    (await verified('--checksum'))[0]?.filter((line) => !line.startsWith('attributes')),
    ['content d3/f3', 'extra d2/extra', 'missing d1/f1'],
  );
  const quick = await run(replication, 'verify', 'target-1');
  assert.equal(quick.code, 3);
  assert.match(quick.stdout, /^ {2}missing +d1\/f1$/m);
  assert.doesNotMatch(quick.stdout, /d3\/f3/);
  const healed = await run(replication, 'verify', '--checksum', '--heal');
  assert.equal(healed.code, 3);
  assert.match(healed.stdout, /^target-1: \d+ paths differ, sent again$/m);
  assert.match(healed.stdout, /^target-2: no drift$/m);
  await done(run(replication, 'wait'));
  assert.deepEqual(await verified('--checksum'), [[], []]);
  assert.equal(target.read('d3/f3').toString(), 'content 3');
  assert.equal(target.has('d2/extra'), false);
  assert.match(await done(run(replication, 'verify', '--sample', '2')), /^target-1: no drift$/m);

  spoil();
  assert.match(await done(run(replication, 'push', 'd1', 'd2', 'd3/f3')), /^3 paths are sent again$/m);
  await done(run(replication, 'wait'));
  assert.deepEqual(await verified('--checksum'), [[], []]);

  target.remove('d0');
  assert.match(await done(run(replication, 'full')), /target-1, target-2/);
  await replication.settled();
  await replication.daemons[1]?.stop();
  assert.equal((await run(replication, 'verify')).code, 4);
  assert.equal((await run(replication, 'verify', 'target-2')).code, 1);
  assert.deepEqual(readFileSync(target.at('d0/f0')), Buffer.from('content 0'));
});

test('target add and rm while it runs, over a restart and a SIGHUP', async (t) => {
  const replication = await startReplication(t, { targets: 1, files: { a: 'one' } });
  const { source } = replication;
  const added = await rsyncDaemon(t);
  await done(run(replication, 'wait'));
  const spec = JSON.stringify({ name: 'new', url: added.url });
  assert.equal(await done(run(replication, 'target', 'add', spec)), 'new: added\n');
  await done(run(replication, 'wait'));
  assert.equal(added.tree.read('a').toString(), 'one');
  for (const [args, code, message] of [
    [['add', spec], 64, /nothing was changed/],
    [['add', JSON.stringify({ url: added.url, rsync: { path: '/bin/sh' } })], 64, /not possible here: rsync/],
    [['add', 'gopher://x'], 64, /nothing was changed/],
    [['rm', 'nobody'], 64, /there is no target "nobody"/],
    [['rm', 'target-1'], 1, /stands in the configuration: take it out there/],
  ] as const) {
    const answer = await run(replication, 'target', ...args);
    assert.equal(answer.code, code, answer.stderr);
    assert.match(answer.stderr, message);
  }
  await replication.imgsync.stop();
  await replication.restart();
  process.kill(replication.imgsync.pid, 'SIGHUP');
  await replication.imgsync.waitForLog(({ msg }) => msg === 'the configuration was read again', 'the reload');
  source.write('a', 'two');
  await done(run(replication, 'wait', '--target', 'new'));
  assert.equal(added.tree.read('a').toString(), 'two');
  assert.equal(await done(run(replication, 'target', 'rm', 'new')), 'new: taken out\n');
  source.write('a', 'three');
  await done(run(replication, 'wait'));
  assert.equal(added.tree.read('a').toString(), 'two');
  const { targets } = await json<DaemonStatus>(replication, 'status');
  assert.deepEqual(
    targets.map(({ name }) => name),
    ['target-1'],
  );
});
