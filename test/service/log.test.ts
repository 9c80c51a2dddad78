import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/free-port.js';
import { startImgsync } from '../support/imgsync.js';
import { startGroup } from '../support/process-group.js';
import { tempDirectory, tempTree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

test('lines to the journal begin with their priority, those to another place do not', async (t) => {
  const folder = tempDirectory(t, 'journal');
  const [file, output] = [join(folder, 'sync.json'), join(folder, 'journal')];
  const source = tempTree(t, { a: 'one' });
  const url = `rsync://127.0.0.1:${await freePort()}/tree`;
  writeFileSync(
    file,
    JSON.stringify({ source: source.path, targets: [url], stateDir: join(folder, 'state') }),
  );
  const fd = openSync(output, 'a');
  const { dev, ino } = fstatSync(fd);
  const env = { ...process.env, JOURNAL_STREAM: `${dev}:${ino}` };
  const group = startGroup(t, process.execPath, [main, '-c', file], {
    stdio: ['ignore', fd, 'inherit'],
    env,
  });
  const lines = () => readFileSync(output, 'utf8').split('\n').slice(0, -1);
  await waitFor(() => lines().some((line) => line.includes('CONNECTION_REFUSED')), { what: 'the warning' });
  process.kill(group.id, 'SIGTERM');
  await group.ended;
  const numbers = { info: 6, warn: 4 } as Record<string, number>;
  for (const line of lines()) {
    const [, priority, json = ''] = /^<(\d)>(\{.*\})$/.exec(line) ?? [];
    assert.equal(Number(priority), numbers[JSON.parse(json).level], line);
  }
  // A wrong configuration, to both places; the variable names only one of them.
  writeFileSync(file, '{"source": "/", "targets": [], "x": 1}');
  const before = lines().length;
  spawnSync(process.execPath, [main, '-c', file], { stdio: ['ignore', 'ignore', fd], env });
  const told = lines().slice(before);
  assert.ok(told.length >= 2);
  for (const line of told) assert.match(line, /^<3>\S+sync\.json:/);
  const { stderr } = spawnSync(process.execPath, [main, '-c', file], { encoding: 'utf8', env });
  assert.match(stderr, /^\/\S+sync\.json:/);
  closeSync(fd);
});

test('SIGUSR1 writes the status to the log and opens no inspector', async (t) => {
  const [source, target] = [tempTree(t, { a: 'one' }), tempTree(t)];
  const imgsync = startImgsync(t, {
    source: source.path,
    targets: [{ name: 'backup', url: target.path }],
    log: { level: 'error', pretty: false },
  });
  await imgsync.settled([target.path]);
  process.kill(imgsync.pid, 'SIGUSR1');
  const line = await imgsync.waitForLog(({ msg }) => msg === 'SIGUSR1: status', 'the status');
  const { source: root, targets } = line.status as { source: string; targets: { name: string }[] };
  assert.deepEqual([root, targets.map(({ name }) => name)], [source.path, ['backup']]);
  assert.deepEqual(await imgsync.stop(), { code: 0, signal: null });
  assert.deepEqual(imgsync.output, []);
});

test('SIGUSR2 switches between the level of the configuration and debug, for every target', async (t) => {
  const [source, target] = [tempTree(t, { a: 'one' }), tempTree(t)];
  const imgsync = startImgsync(t, {
    source: source.path,
    targets: [{ name: 'backup', url: target.path }],
    log: { level: 'info', pretty: false },
  });
  await imgsync.ready();
  await imgsync.settled([target.path]);
  const delivered = () =>
    imgsync.logs.filter(({ msg, target: name }) => msg === 'delivered' && name === 'backup').length;
  assert.equal(delivered(), 0);
  process.kill(imgsync.pid, 'SIGUSR2');
  await imgsync.waitForLog(({ msg }) => msg === 'SIGUSR2: the log has level debug', 'level debug');
  source.write('b', 'two');
  await imgsync.waitForLog(({ msg }) => msg === 'delivered', 'a line of level debug');
  process.kill(imgsync.pid, 'SIGUSR2');
  await imgsync.waitForLog(({ msg }) => msg === 'SIGUSR2: the log has level info', 'level info');
  const seen = imgsync.logs.length;
  source.write('c', 'three');
  await imgsync.settled([target.path]);
  assert.deepEqual(await imgsync.stop(), { code: 0, signal: null });
  for (const { level } of imgsync.logs.slice(seen)) assert.equal(level, 'info');
});

test('log.file takes the log; SIGHUP opens it anew after a rotation', async (t) => {
  const folder = tempDirectory(t, 'log');
  const file = join(folder, 'imgsync-fast.log');
  const [source, target] = [tempTree(t, { a: 'one' }), tempTree(t)];
  const imgsync = startImgsync(t, {
    source: source.path,
    targets: [target.path],
    log: { level: 'info', pretty: false, file },
  });
  const has = (path: string, word: string) => () =>
    existsSync(path) && readFileSync(path, 'utf8').includes(word);
  await waitFor(has(file, '"watching"'), { what: 'the line in the file' });
  renameSync(file, `${file}.1`);
  process.kill(imgsync.pid, 'SIGHUP');
  await waitFor(has(file, 'the configuration was read again'), { what: 'the line in the new file' });
  assert.deepEqual(await imgsync.stop(), { code: 0, signal: null });
  assert.equal(has(file, '"stopped"')(), true);
  assert.equal(has(`${file}.1`, '"stopped"')(), false);
  assert.deepEqual([imgsync.logs, imgsync.output], [[], []]);
});

test('a log.file that can not be written ends with 78', async (t) => {
  const source = tempTree(t, { a: 'one' });
  const imgsync = startImgsync(t, {
    source: source.path,
    targets: ['rsync://h/m'],
    log: { file: '/no/such/folder/log' },
  });
  assert.deepEqual(await imgsync.ended, { code: 78, signal: null });
  await waitFor(() => imgsync.output.length > 0, { what: 'the fault' });
  assert.match(imgsync.output.join('\n'), /\/log\/file: can't be written: ENOENT/);
});
