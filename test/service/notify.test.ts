import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort } from '../support/free-port.js';
import { startImgsync } from '../support/imgsync.js';
import { type Message, NotifySocket } from '../support/notify-socket.js';
import { startReplication } from '../support/replication.js';
import { tempDirectory, tempTree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

/** What of the order counts; STATUS lines come and go. */
const stepsOf = (messages: readonly Message[]): string[] =>
  messages.flatMap((message) =>
    ['READY', 'RELOADING', 'STOPPING'].filter((name) => message[name] !== undefined).map((name) => name),
  );

/** Processes that were started by this one, with their environment. */
const childrenOf = (pid: number): { readonly name: string; readonly environment: string }[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((child) => {
      try {
        const status = readFileSync(`/proc/${child}/status`, 'latin1');
        if (!status.includes(`\nPPid:\t${pid}\n`)) return [];
        const name = /^Name:\t(.*)$/m.exec(status)?.[1] ?? '';
        return [{ name, environment: readFileSync(`/proc/${child}/environ`, 'latin1') }];
      } catch {
        return []; // It ended meanwhile.
      }
    });

test('the service manager hears of start, reload, signs of life and stop; no child can speak to it', async (t) => {
  const folder = tempDirectory(t, 'notify');
  const socket = await NotifySocket.listen(t, join(folder, 'socket'));
  const dump = join(folder, 'hook-environment');
  const { imgsync, source } = await startReplication(t, {
    targets: 2,
    files: { 'a/b': 'one' },
    config: {
      standby: 'on',
      hooks: [{ type: 'command', name: 'env', argv: ['sh', '-c', `env > ${dump}`] }],
    },
    env: { NOTIFY_SOCKET: socket.name, WATCHDOG_USEC: '400000' },
  });
  assert.match(readFileSync(`/proc/${imgsync.pid}/environ`, 'latin1'), /\0NOTIFY_SOCKET=/);
  const ready = await socket.waitFor('READY', ({ READY }) => READY === '1');
  assert.match(socket.messages[ready]?.STATUS ?? '', /^Watching 2 directories; \d of 2 targets up to date/);
  const alive = await socket.waitFor('a sign of life', ({ WATCHDOG }) => WATCHDOG === '1', ready);
  await socket.waitFor('the next one', ({ WATCHDOG }) => WATCHDOG === '1', alive + 1);

  const rsyncs = () => childrenOf(imgsync.pid).filter(({ name }) => name === 'rsync');
  await waitFor(() => rsyncs().length > 0, { what: 'a standby rsync' });
  for (const { environment } of childrenOf(imgsync.pid))
    assert.doesNotMatch(environment, /NOTIFY_SOCKET|WATCHDOG/);
  source.write('c', 'two');
  await waitFor(() => existsSync(dump) && readFileSync(dump, 'utf8').includes('IMGSYNC_HOOK'), {
    what: 'the hook',
  });
  assert.doesNotMatch(readFileSync(dump, 'utf8'), /NOTIFY_SOCKET|WATCHDOG/);

  const config = JSON.parse(readFileSync(imgsync.file, 'utf8')) as { targets: unknown[] };
  writeFileSync(imgsync.file, JSON.stringify({ ...config, targets: config.targets.slice(1) }));
  process.kill(imgsync.pid, 'SIGHUP');
  const reloading = await socket.waitFor('RELOADING', ({ RELOADING }) => RELOADING === '1', ready);
  // Of the monotonic clock, or the manager does not know which reload is meant.
  const uptimeUs = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1e6;
  const told = Number(socket.messages[reloading]?.MONOTONIC_USEC);
  assert.ok(told > uptimeUs - 600e6 && told < uptimeUs + 600e6, `${told} at ${uptimeUs}`);
  const reloaded = await socket.waitFor('READY again', ({ READY }) => READY === '1', reloading);
  assert.match(socket.messages[reloaded]?.STATUS ?? '', /of 1 target up to date/);

  writeFileSync(imgsync.file, '{');
  process.kill(imgsync.pid, 'SIGHUP');
  const failing = await socket.waitFor('RELOADING', ({ RELOADING }) => RELOADING === '1', reloaded);
  await socket.waitFor('READY after a reload that failed', ({ READY }) => READY === '1', failing);

  assert.deepEqual(await imgsync.stop(), { code: 0, signal: null });
  const stopping = await socket.waitFor('STOPPING', ({ STOPPING }) => STOPPING === '1');
  assert.equal(socket.messages[stopping]?.EXTEND_TIMEOUT_USEC, String((10 + 20) * 1e6));
  assert.deepEqual(stepsOf(socket.messages), [
    'READY',
    'RELOADING',
    'READY',
    'RELOADING',
    'READY',
    'STOPPING',
  ]);
});

test('it is ready before a target is reached, over an abstract socket, and says which one is down', async (t) => {
  const socket = await NotifySocket.listen(t, `@imgsync-test-${process.pid}`);
  const source = tempTree(t, { a: 'one' });
  const url = `rsync://127.0.0.1:${await freePort()}/tree`;
  const imgsync = startImgsync(
    t,
    { source: source.path, targets: [{ name: 'dead', url }] },
    { env: { NOTIFY_SOCKET: socket.name } },
  );
  const ready = await socket.waitFor('READY', ({ READY }) => READY === '1');
  await socket.waitFor('the target', ({ STATUS = '' }) => STATUS.includes('dead backing-off: '), ready);
  assert.deepEqual(await imgsync.stop(), { code: 0, signal: null });
  assert.equal(socket.messages.filter(({ WATCHDOG }) => WATCHDOG !== undefined).length, 0);
});

test('a fault of the configuration is the last status', async (t) => {
  const socket = await NotifySocket.listen(t, join(tempDirectory(t, 'notify'), 'socket'));
  const imgsync = startImgsync(
    t,
    { source: '/', targets: [], nonsense: 1 },
    { env: { NOTIFY_SOCKET: socket.name } },
  );
  assert.deepEqual(await imgsync.ended, { code: 78, signal: null });
  await socket.waitFor('the fault', ({ STATUS = '' }) => STATUS.includes('/nonsense: unknown key'));
  assert.deepEqual(stepsOf(socket.messages), []);
});

test('a manager that is gone does no harm', async (t) => {
  const source = tempTree(t, { a: 'one' });
  const target = tempTree(t);
  const imgsync = startImgsync(
    t,
    { source: source.path, targets: [target.path] },
    { env: { NOTIFY_SOCKET: join(tempDirectory(t, 'notify'), 'nobody'), WATCHDOG_USEC: '100000' } },
  );
  await imgsync.settled([target.path]);
  assert.deepEqual(await imgsync.stop(), { code: 0, signal: null });
});
