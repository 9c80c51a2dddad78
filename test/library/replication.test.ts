import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { chmodSync, chownSync, linkSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type ChannelMessage,
  ConfigError,
  NotSettledError,
  OperationError,
  type Replication,
  ReplicationError,
  type ReplicationEvents,
} from '../../src/index.js';
import { embedded, setting } from '../support/embedded.js';
import { nobody, unlessRoot } from '../support/root.js';
import { rsyncDaemon } from '../support/rsync-daemon.js';
import { tempDirectory, tempTree } from '../support/temp-tree.js';

/** The next event of this name, once it passes. */
const next = <Name extends keyof ReplicationEvents>(
  replication: Replication,
  name: Name,
  accepts: (event: ReplicationEvents[Name]) => boolean = () => true,
): Promise<ReplicationEvents[Name]> =>
  new Promise((resolve) => {
    const listener = (event: ReplicationEvents[Name]) => {
      if (!accepts(event)) return;
      replication.off(name, listener);
      resolve(event);
    };
    replication.on(name, listener);
  });

const withCode = (code: string) => (error: unknown) => {
  assert.ok(error instanceof ReplicationError, String(error));
  assert.equal(error.code, code);
  assert.ok(error.hint.length > 0);
  return true;
};

test('when settled resolves every target has the bytes, and events tell of it', async (t) => {
  const { source, daemons, config } = await setting(t, 2, { 'a/old.txt': 'old' });
  const replication = embedded(t, config);
  const traced: ChannelMessage<'delivered'>[] = [];
  const trace = (message: unknown) => traced.push(message as ChannelMessage<'delivered'>);
  channel('imgsync-fast:delivered').subscribe(trace);
  t.after(() => channel('imgsync-fast:delivered').unsubscribe(trace));
  assert.equal(replication.status().phase, 'stopped');
  const live = next(replication, 'live');
  await replication.start();
  assert.equal((await live).directories, 2);
  await replication.settled();
  const delivered = next(replication, 'delivered', ({ paths }) => paths.includes('a/\u65b0.txt'));
  writeFileSync(join(source.path, 'a/\u65b0.txt'), 'new');
  const report = await replication.settled({ paths: ['a/\u65b0.txt'] });
  for (const { tree } of daemons) {
    assert.equal(tree.read('a/old.txt').toString(), 'old');
    assert.equal(tree.read(Buffer.from('a/\u65b0.txt').toString('latin1')).toString(), 'new');
  }
  assert.deepEqual(
    report.targets.map(({ name, settled }) => [name, settled]),
    [
      ['target-1', true],
      ['target-2', true],
    ],
  );
  const event = await delivered;
  assert.equal(event.count, event.pathBytes.length);
  assert.equal(traced.at(-1)?.source, source.path);
  const { phase, live: isLive, targets } = replication.status();
  assert.deepEqual([phase, isLive, targets.length], ['running', true, 2]);
  await replication.stop();
  assert.equal(replication.status().phase, 'stopped');
});

test('a configuration is refused with pointer and remedy, as the command line does', async (t) => {
  const { config } = await setting(t, 1);
  const refused = async (wrong: object): Promise<readonly string[]> => {
    const fault = await embedded(t, { ...config, ...wrong })
      .start()
      .catch((error: unknown) => error);
    assert.ok(fault instanceof ConfigError);
    return fault.faults.map(({ pointer, message }) => `${pointer} ${message}`);
  };
  assert.deepEqual(await refused({ settelMs: 3 }), ['/settelMs unknown key; did you mean "settleMs"?']);
  assert.match((await refused({ targets: [] })).join(), /^\/targets expected at least one target/);
  const file = join(tempDirectory(t), 'sync.json');
  writeFileSync(file, JSON.stringify({ ...config, settleMs: 'soon' }));
  await assert.rejects(embedded(t, file).start(), (error) => {
    assert.ok(error instanceof ConfigError);
    return withCode('CONFIG_INVALID')(error) && error.message.startsWith(`${file}:1:`);
  });
  await assert.rejects(
    embedded(t, { ...config, source: '/no/such/source' }).start(),
    withCode('SOURCE_MISSING'),
  );
});

test('settled says what is missing when the time is over', async (t) => {
  const { source, daemons, config } = await setting(t, 2);
  const replication = embedded(t, { ...config, exclude: ['*.tmp'] });
  await assert.rejects(replication.settled(), withCode('NOT_POSSIBLE'));
  await replication.start();
  await replication.settled();
  await daemons[1]?.stop();
  const retry = next(replication, 'retry');
  source.write('f', '1');
  const failure = await replication.settled({ timeoutMs: 50 }).catch((error: unknown) => error);
  assert.ok(failure instanceof NotSettledError, String(failure));
  withCode('NOT_SETTLED')(failure);
  assert.equal(failure.report.targets.at(1)?.settled, false);
  assert.deepEqual([(await retry).target, (await retry).code], ['target-2', 'CONNECTION_REFUSED']);
  await replication.settled({ targets: 1 });
  await replication.settled({ targets: ['target-1'], paths: ['f'] });
  assert.equal(daemons[0]?.tree.read('f').toString(), '1');
  await assert.rejects(replication.settled({ targets: ['nobody'] }), withCode('UNKNOWN_TARGET'));
  await assert.rejects(replication.settled({ targets: 3 }), withCode('BAD_REQUEST'));
  await assert.rejects(replication.settled({ timeoutMs: -1 }), withCode('BAD_REQUEST'));
  await assert.rejects(replication.settled({ paths: ['../f'] }), withCode('OUTSIDE_SOURCE'));
  await assert.rejects(replication.settled({ paths: ['x.tmp'] }), withCode('NOT_SETTLED'));
  const reason = new Error('enough');
  await assert.rejects(replication.settled({ signal: AbortSignal.abort(reason) }), reason);
  const waiting = replication.settled();
  await Promise.all([replication.stop(), assert.rejects(waiting, withCode('STOPPING'))]);
});

test('listeners may fail, and may call the replication', async (t) => {
  const { source, daemons, config } = await setting(t, 1);
  const lines: unknown[] = [];
  const line = (fields: unknown, message?: unknown) => lines.push(message ?? fields);
  const logger = {
    debug: () => {},
    info: () => {
      throw new Error('the logger fails');
    },
    warn: line,
    error: line,
  };
  const replication = embedded(t, config, { logger });
  replication.on('state', () => {
    throw new Error('thrown');
  });
  replication.on('delivered', async () => {
    throw new Error('rejected');
  });
  const stopped = next(replication, 'delivered', ({ paths }) => paths.includes('f')).then(() =>
    replication.stop(),
  );
  await replication.start();
  source.write('f', '1');
  await stopped;
  assert.equal(daemons[0]?.tree.read('f').toString(), '1');
  assert.ok(lines.includes('a listener failed; the replication goes on'), JSON.stringify(lines));
});

test('targets come and go while it runs', async (t) => {
  const { source, daemons, config } = await setting(t, 2, { 'a/f': '1' });
  const replication = embedded(t, config);
  await replication.start();
  await replication.settled();
  const third = await rsyncDaemon(t);
  assert.equal(await replication.addTarget({ name: 'third', url: third.url }), 'third');
  await replication.settled({ targets: ['third'] });
  assert.equal(third.tree.read('a/f').toString(), '1');
  await assert.rejects(replication.addTarget(third.url), (error) => {
    assert.ok(error instanceof ConfigError);
    return error.faults.some(({ pointer }) => pointer === '/targets/3');
  });
  await assert.rejects(replication.removeTarget('nobody'), withCode('UNKNOWN_TARGET'));
  await replication.removeTarget('target-1');
  source.write('a/g', '2');
  await replication.settled();
  assert.deepEqual(
    [...daemons, third].map(({ tree }) => tree.has('a/g')),
    [false, true, true],
  );
  assert.deepEqual(
    replication.status().targets.map(({ name }) => name),
    ['target-2', 'third'],
  );
  // What was changed holds over a stop.
  await replication.stop();
  await replication.removeTarget('third');
  await replication.start();
  assert.deepEqual(
    replication.status().targets.map(({ name }) => name),
    ['target-2'],
  );
});

test('what changed without an event is sent when it is marked', async (t) => {
  const { source, daemons, config } = await setting(t, 1, { 'd/f': 'one', 'd/\xff': 'one' });
  const outside = tempTree(t);
  for (const name of ['f', '\xff']) linkSync(source.at(`d/${name}`), outside.at(name));
  const replication = embedded(t, config);
  await replication.start();
  await replication.settled();
  outside.write('f', 'other');
  outside.write('\xff', 'other');
  await replication.settled();
  assert.equal(daemons[0]?.tree.read('d/f').toString(), 'one');
  await replication.markChanged(['d/f', Buffer.from('d/\xff', 'latin1')]);
  await replication.settled();
  for (const path of ['d/f', 'd/\xff']) assert.equal(daemons[0]?.tree.read(path).toString(), 'other');
  outside.write('f', 'third time');
  await replication.markChanged([join(source.path, 'd')]);
  await replication.settled();
  assert.equal(daemons[0]?.tree.read('d/f').toString(), 'third time');
  await assert.rejects(replication.markChanged(['/etc']), (error) => error instanceof OperationError);
});

test('a target that needs a person is told as halted', async (t) => {
  const { source, daemons, config } = await setting(t, 1);
  daemons[0]?.configure((text) => text.replace('read only = no', 'read only = yes'));
  const replication = embedded(t, config);
  const halted = next(replication, 'halted');
  await replication.start();
  source.write('f', '1');
  const { target, code, hint, attempt } = await halted;
  assert.equal(target, 'target-1');
  assert.ok(code.length > 0 && hint.length > 0 && attempt > 0);
});

test('a source that goes away suspends, and is followed when it is back', async (t) => {
  const { source, daemons, config } = await setting(t, 1, { f: '1' });
  const replication = embedded(t, config);
  await replication.start();
  await replication.settled();
  const suspended = next(replication, 'state', ({ state }) => state === 'suspended');
  renameSync(source.path, `${source.path}-away`);
  await suspended;
  const back = next(replication, 'live');
  renameSync(`${source.path}-away`, source.path);
  await back;
  source.write('g', '2');
  await replication.settled();
  assert.equal(daemons[0]?.tree.read('g').toString(), '2');
});

test('a signal stops it, before the start and afterwards', async (t) => {
  const { config } = await setting(t, 1);
  const controller = new AbortController();
  const replication = embedded(t, config, { signal: controller.signal });
  await replication.start();
  const stopped = next(replication, 'state', ({ state }) => state === 'stopped');
  const reason = new Error('enough');
  controller.abort(reason);
  await stopped;
  await assert.rejects(replication.start(), reason);
  // A stop while it begins is the end of the start.
  const other = embedded(t, config);
  await replication.stop();
  const starting = other.start();
  await Promise.all([other.stop(), assert.rejects(starting, withCode('STOPPING'))]);
});

test('two replications in one process do not touch each other', async (t) => {
  const [one, two] = await Promise.all([setting(t, 1, { f: 'one' }), setting(t, 1, { f: 'two' })]);
  await using first = embedded(t, one.config);
  await using second = embedded(t, two.config);
  await Promise.all([first.start(), second.start()]);
  await Promise.all([first.settled(), second.settled()]);
  await first.stop();
  two.source.write('g', 'more');
  await second.settled();
  assert.equal(one.daemons[0]?.tree.read('f').toString(), 'one');
  assert.equal(two.daemons[0]?.tree.read('g').toString(), 'more');
  await assert.rejects(embedded(t, two.config).start(), withCode('STATE_DIR_IN_USE'));
});

test('a path that a target does not take is told as stuck, and settled says so', {
  skip: unlessRoot,
}, async (t) => {
  // A daemon without rights, to which one directory is closed.
  const source = tempTree(t, { 'locked/f': 'old', g: 'old' });
  const daemon = await rsyncDaemon(t, { config: [`uid = ${nobody}`, `gid = ${nobody}`] });
  for (const path of [source.path, join(source.path, 'locked'), daemon.path]) chownSync(path, nobody, nobody);
  for (const name of ['locked/f', 'g']) chownSync(source.at(name), nobody, nobody);
  const replication = embedded(t, {
    source: source.path,
    targets: [{ name: 'target', url: daemon.url }],
    stateDir: tempDirectory(t, 'state'),
  });
  await replication.start();
  await replication.settled();
  chownSync(daemon.tree.at('locked'), 0, 0);
  chmodSync(daemon.tree.at('locked'), 0o755);
  const stuck = next(replication, 'stuck', ({ path }) => path === 'locked/f');
  source.write('locked/f', 'new');
  source.write('g', 'new');
  const { target, code, pathBytes, attempts } = await stuck;
  assert.deepEqual([target, code, String(pathBytes)], ['target', 'PERMISSION_DENIED', 'locked/f']);
  assert.ok(attempts > 0);
  await replication.settled({ paths: ['g'] });
  assert.equal(daemon.tree.read('g').toString(), 'new');
  const failure = await replication.settled({ timeoutMs: 50 }).catch((error: unknown) => error);
  assert.ok(failure instanceof NotSettledError, String(failure));
  assert.equal(failure.report.targets.at(0)?.lacks, 'stuck');
});
