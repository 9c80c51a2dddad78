import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/free-port.js';
import { type Imgsync, startImgsync } from '../support/imgsync.js';
import { processesOf, startGroup } from '../support/process-group.js';
import { rsyncDaemon } from '../support/rsync-daemon.js';
import { tempDirectory, tempTree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** A sync.json, and a directory for the state beside it. */
const configFile = (t: TestContext, config: object): string => {
  const folder = tempDirectory(t, 'config');
  const file = join(folder, 'sync.json');
  writeFileSync(file, JSON.stringify({ stateDir: join(folder, 'state'), ...config }));
  return file;
};

const messages = ({ logs }: Imgsync): string[] => logs.map(({ msg }) => msg);

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} ends with 0 and leaves no process behind`, async (t) => {
    const source = tempTree(t, { 'a/b.txt': 'one', 'c.txt': 'two' });
    const target = await rsyncDaemon(t);
    const imgsync = startImgsync(t, { source: source.path, targets: [target.url] });
    await imgsync.settled([target.path]);
    assert.deepEqual(await imgsync.stop(signal), { code: 0, signal: null });
    await waitFor(() => messages(imgsync).at(-1) === 'stopped', { what: 'line "stopped" as the last' });
    assert.deepEqual(imgsync.output, []);
    await waitFor(() => processesOf(imgsync.pid).length === 0, { what: 'end of its processes' });
  });
}

test('a target that can not be reached at the start is told and holds up nobody', async (t) => {
  const source = tempTree(t, { a: 'one' });
  const target = await rsyncDaemon(t);
  const dead = `rsync://127.0.0.1:${await freePort()}/tree`;
  const imgsync = startImgsync(t, {
    source: source.path,
    targets: [
      { name: 'dead', url: dead },
      { name: 'well', url: target.url },
    ],
  });
  const warning = await imgsync.waitForLog(
    ({ code }) => code === 'CONNECTION_REFUSED',
    'a line about the dead target',
  );
  assert.equal(warning.target, 'dead');
  assert.equal(typeof warning.hint, 'string');
  await imgsync.settled([target.path]);
  source.write('b', 'two');
  await imgsync.settled([target.path]);
  assert.deepEqual(await imgsync.stop(), { code: 0, signal: null });
});

test('a source that went away is waited for; nothing is deleted, and another one is not taken for it', async (t) => {
  const folder = tempDirectory(t, 'mount');
  const [path, away] = [join(folder, 'source'), join(folder, 'away')];
  mkdirSync(path);
  writeFileSync(join(path, 'a'), 'one');
  const target = await rsyncDaemon(t);
  const imgsync = startImgsync(t, { source: path, targets: [target.url] });
  await imgsync.settled([target.path]);
  renameSync(path, away);
  await imgsync.waitForLog(({ code }) => code === 'SOURCE_LOST', 'a line about the lost source');
  mkdirSync(path);
  writeFileSync(join(away, 'b'), 'two');
  assert.equal(target.tree.read('a').toString(), 'one');
  rmdirSync(path);
  renameSync(away, path);
  await imgsync.settled([target.path]);
  assert.deepEqual(await imgsync.stop(), { code: 0, signal: null });
});

test('--no-initial-sync sends only what changes', async (t) => {
  const source = tempTree(t, { old: 'one' });
  const target = await rsyncDaemon(t);
  const imgsync = startImgsync(
    t,
    { source: source.path, targets: [target.url] },
    { args: ['--no-initial-sync'] },
  );
  await imgsync.ready();
  source.write('new', 'two');
  await waitFor(() => existsSync(target.tree.at('new')), { what: 'the new file' });
  assert.deepEqual(await imgsync.stop(), { code: 0, signal: null });
  assert.deepEqual(readdirSync(target.path), ['new']);
});

test('a second signal cuts the running transfers', async (t) => {
  const source = tempTree(t, { big: Buffer.alloc(8_000_000, 'x') });
  const target = await rsyncDaemon(t);
  const imgsync = startImgsync(t, {
    source: source.path,
    targets: [{ url: target.url, bandwidthLimit: '8k', rsync: { wholeFile: true } }],
    stopTimeoutSeconds: 3_600,
  });
  const temporary = (): boolean => readdirSync(target.path).some((name) => name.startsWith('.big.'));
  await waitFor(temporary, { what: 'a running transfer' });
  process.kill(imgsync.pid, 'SIGTERM');
  await imgsync.waitForLog(({ msg }) => msg.startsWith('stopping'), 'line "stopping"');
  assert.ok(temporary(), 'the first signal lets it finish');
  assert.deepEqual(await imgsync.stop('SIGINT'), { code: 130, signal: null });
  await waitFor(() => processesOf(imgsync.pid).length === 0, { what: 'end of its processes' });
  assert.equal(existsSync(target.tree.at('big')), false);
});

test('--log-level debug logs the status while something waits', async (t) => {
  const source = tempTree(t, { a: 'one' });
  const url = `rsync://127.0.0.1:${await freePort()}/tree`;
  const imgsync = startImgsync(
    t,
    { source: source.path, targets: [{ name: 'dead', url }], log: { pretty: false } },
    { args: ['--log-level', 'debug'] },
  );
  const isWaiting = (status: unknown): boolean => {
    const { source: root, targets } = status as { source: string; targets: Record<string, unknown>[] };
    return root === source.path && targets[0]?.name === 'dead' && targets[0]?.state === 'backing-off';
  };
  const line = await imgsync.waitForLog(
    ({ msg, status }) => msg === 'status' && isWaiting(status),
    'status of a target that backs off',
  );
  assert.equal(line.target, undefined);
  assert.deepEqual(await imgsync.stop(), { code: 0, signal: null });
});

test('too few watches end with 69 and the setting to raise', async (t) => {
  const enter = ['--user', '--map-root-user', 'sh', '-c'];
  const limit = 'echo 2 > /proc/sys/user/max_inotify_watches';
  if (spawnSync('unshare', [...enter, limit]).status !== 0) return t.skip('user namespaces are switched off');
  const source = tempTree(t, { 'a/b/c/d': 'one' });
  const file = configFile(t, { source: source.path, targets: ['rsync://127.0.0.1:1/m'] });
  const run = spawnSync(
    'unshare',
    [...enter, `${limit} && exec "$@"`, 'sh', process.execPath, main, '-c', file],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(run.status, 69, run.stdout + run.stderr);
  const errors = run.stdout
    .split('\n')
    .flatMap((line) => (line.includes('"level":"error"') ? [JSON.parse(line)] : []));
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['WATCH_LIMIT_REACHED'],
  );
  assert.equal(errors[0].msg, 'the tree has 4 directories, and user.max_inotify_watches is 2');
  assert.match(errors[0].hint, /^raise it: sysctl user\.max_inotify_watches=65536 /);
});

test('without its state directory, which was removed, it ends cleanly and says that nothing is stored', async (t) => {
  const source = tempTree(t, { a: 'one' });
  const target = tempTree(t);
  const stateDir = join(tempDirectory(t, 'config'), 'state');
  const imgsync = startImgsync(t, { source: source.path, targets: [target.path], stateDir });
  await imgsync.settled([target.path]);
  rmSync(stateDir, { recursive: true });
  assert.deepEqual(await imgsync.stop(), { code: 0, signal: null });
  const lines = imgsync.logs.filter(({ level }) => level !== 'info' && level !== 'debug');
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ['the state directory can not be written: the next start compares everything'],
  );
});

test('an error that nobody caught ends with 70', async (t) => {
  const source = tempTree(t, { a: 'one' });
  const file = configFile(t, { source: source.path, targets: [`${tempDirectory(t)}/target`] });
  const throwAtSignal = 'data:text/javascript,process.on("SIGUSR2",()=>{throw new Error("boom")})';
  const output: string[] = [];
  const group = startGroup(t, process.execPath, ['--import', throwAtSignal, main, '-c', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  group.leader.stdout?.setEncoding('utf8').on('data', (text: string) => output.push(text));
  await waitFor(() => output.join('').includes('"msg":"watching"'), { what: 'line "watching"' });
  process.kill(group.id, 'SIGUSR2');
  assert.deepEqual(await group.ended, { code: 70, signal: null });
  await waitFor(() => /"level":"fatal".*boom/.test(output.join('')), { what: 'the error in the log' });
});

test('without a reader of its log it goes on', async (t) => {
  const source = tempTree(t, { a: 'one' });
  const target = tempTree(t);
  const file = configFile(t, { source: source.path, targets: [target.path] });
  const group = startGroup(t, process.execPath, [main, '-c', file, '--log-level', 'debug'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  group.leader.stdout?.destroy();
  for (const name of ['b', 'c', 'd']) {
    source.write(name, name);
    await waitFor(() => existsSync(target.at(name)), { what: name });
  }
  process.kill(group.id, 'SIGTERM');
  assert.deepEqual(await group.ended, { code: 0, signal: null });
});

test('on a terminal it draws a table below the log', async (t) => {
  const source = tempTree(t, { a: 'one' });
  const target = tempTree(t);
  const file = configFile(t, { source: source.path, targets: [{ name: 'backup', url: target.path }] });
  const output: string[] = [];
  // By the simplest shell and replaced by ours, whatever $SHELL is: nobody between to end with 130 at Ctrl-C.
  const group = startGroup(
    t,
    'script',
    ['-qec', `exec "${process.execPath}" "${main}" -c "${file}"`, '/dev/null'],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, SHELL: '/bin/sh', TERM: 'xterm', NO_COLOR: '1' },
    },
  );
  group.leader.stdout?.setEncoding('utf8').on('data', (text: string) => output.push(text));
  const row = /backup +idle +0 +- .*\r\n/;
  await waitFor(() => row.test(output.join('')), { what: 'row of the target' });
  assert.match(output.join(''), /INFO: watching /);
  assert.match(output.join(''), new RegExp(`${source.path}: 1 directory watched`));
  // Ctrl-C of a person.
  group.leader.stdin?.write('\x03');
  assert.deepEqual(await group.ended, { code: 0, signal: null });
  await waitFor(() => /INFO: stopped\r\n/.test(output.join('')), { what: 'line "stopped"' });
});
