import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Imgsync } from '../support/imgsync.js';
import { startReplication } from '../support/replication.js';
import { rsyncDaemon } from '../support/rsync-daemon.js';
import { waitFor } from '../support/wait-for.js';

type Json = Record<string, unknown> & { targets: Record<string, unknown>[] };

const change = ({ file, pid }: Imgsync, edit: (config: Json) => void): void => {
  const config = JSON.parse(readFileSync(file, 'utf8')) as Json;
  edit(config);
  writeFileSync(file, JSON.stringify(config));
  process.kill(pid, 'SIGHUP');
};

const linesOf = ({ logs }: Imgsync, message: string) => logs.filter(({ msg }) => msg === message);
const reloaded = (imgsync: Imgsync, times = 1) =>
  waitFor(() => linesOf(imgsync, 'the configuration was read again').length === times, {
    what: `reload ${times}`,
  });
const comparedTargets = (imgsync: Imgsync) =>
  linesOf(imgsync, 'reconcile started').map(({ target, reason }) => [target, reason]);

const files = { 'a/b': 'one', 'a/c': 'two', d: 'three' };

test('SIGHUP adds, removes and changes targets; those that stay are not compared again', async (t) => {
  const replication = await startReplication(t, { targets: 3, files });
  await replication.settled();
  const { imgsync, source } = replication;
  const [stays, changes, leaves] = replication.daemons;
  assert.ok(stays !== undefined && changes !== undefined && leaves !== undefined);
  const added = await rsyncDaemon(t);
  // What is waiting for a frozen target when it is changed must not get lost.
  changes.freeze();
  source.write('before', 'four');
  await imgsync.settled([stays.path, leaves.path]);
  const seen = comparedTargets(imgsync).length;
  change(imgsync, (config) => {
    const [first, second] = config.targets;
    config.targets = [
      first ?? {},
      { ...second, rsync: { timeoutSeconds: 30 } },
      { name: 'new', url: added.url },
    ];
    config.stopTimeoutSeconds = 3_600;
  });
  await waitFor(() => linesOf(imgsync, 'SIGHUP: reading the configuration again').length === 1, {
    what: 'SIGHUP',
  });
  changes.thaw();
  await reloaded(imgsync);
  source.write('after', 'five');
  await imgsync.settled([stays.path, changes.path, added.path]);
  // They share one look at the source, and either may be compared first.
  assert.deepEqual(comparedTargets(imgsync).slice(seen).sort(), [
    ['new', 'the target was added'],
    ['target-2', 'the target was changed'],
  ]);
  // It kept what it knew of the target: nothing but the directory that was open is compared.
  assert.ok(
    Number(
      linesOf(imgsync, 'reconcile started').find(({ reason }) => reason === 'the target was changed')
        ?.directories,
    ) <= 1,
  );
  assert.equal(leaves.tree.has('after'), false);
  const [line] = linesOf(imgsync, 'the configuration was read again');
  assert.deepEqual([line?.added, line?.changed, line?.removed], [['new'], ['target-2'], ['target-3']]);
  change(imgsync, (config) => {
    config.targets.push({ name: 'target-3', url: leaves.url });
  });
  await reloaded(imgsync, 2);
  await imgsync.settled([stays.path, changes.path, added.path, leaves.path]);
  assert.equal(comparedTargets(imgsync).length, seen + 3);
});

test('a wrong configuration changes nothing and is told, one line for each fault', async (t) => {
  const { imgsync, source, daemons } = await startReplication(t, { targets: 1, files });
  change(imgsync, (config) => {
    config.targets.push({ name: 'x y', url: 'ftp://nowhere/x' });
    config.settleMs = -1;
  });
  const faults = () => imgsync.logs.filter(({ code }) => code === 'CONFIG_INVALID');
  await waitFor(() => faults().length >= 3, { what: 'lines about the faults' });
  assert.deepEqual(
    faults()
      .map(({ pointer }) => pointer)
      .sort(),
    ['/settleMs', '/targets/1/name', '/targets/1/url'],
  );
  for (const { level, line, msg } of faults()) {
    assert.deepEqual([level, typeof line], ['error', 'number']);
    assert.match(msg, /stays as it was/);
  }
  source.write('after', 'four');
  await imgsync.settled(daemons.map(({ path }) => path));
  assert.equal(comparedTargets(imgsync).length, 1);
});

test('a configuration whose source is not there changes nothing and is told', async (t) => {
  const { imgsync, source, daemons } = await startReplication(t, { targets: 1, files });
  change(imgsync, (config) => {
    config.source = '/no/such/place';
  });
  const line = await imgsync.waitForLog(({ code }) => code === 'SOURCE_MISSING', 'a line about the source');
  assert.equal(line.level, 'error');
  assert.match(line.msg, /stays as it was: .*\/no\/such\/place: there is no such file or directory$/);
  assert.equal(typeof line.hint, 'string');
  source.write('after', 'four');
  await imgsync.settled(daemons.map(({ path }) => path));
});

test('limits change while it runs; what can not is named and stays', async (t) => {
  const replication = await startReplication(t, { targets: 1, files });
  await replication.settled();
  const { imgsync, source } = replication;
  change(imgsync, (config) => {
    config.exclude = ['*.tmp'];
    config.settleMs = 50;
    config.batch = { maxPaths: 10 };
    config.delete = { max: 2 };
  });
  await reloaded(imgsync);
  const line = imgsync.logs.find(({ keys }) => keys !== undefined);
  assert.deepEqual(line?.keys, ['include and exclude', 'settleMs']);
  source.write('x.tmp', 'not excluded yet');
  await replication.settled();
  source.remove('a');
  await imgsync.waitForLog(
    ({ code, limit }) => code === 'DELETES_HELD' && limit === 2,
    'the new limit at work',
  );
  assert.equal(comparedTargets(imgsync).length, 1);
});
