import assert from 'node:assert/strict';
import { once } from 'node:events';
import { lstatSync, readdirSync, utimesSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { imgsyncFast } from '../support/command.js';
import { diagnose, diagnoseFile, troublesOf } from '../support/doctor.js';
import { startGroup } from '../support/process-group.js';
import { startReplication } from '../support/replication.js';
import { rsyncDaemon } from '../support/rsync-daemon.js';
import { sshServer } from '../support/ssh-server.js';
import { tempDirectory, tempTree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

const compiledCommand = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** Each entry of a tree with its time of modification and size, the root as well. */
const snapshotOf = (root: string): string[] =>
  ['', ...readdirSync(root, { recursive: true, encoding: 'utf8' })].sort().map((name) => {
    const { mtimeNs, size, mode } = lstatSync(join(root, name), { bigint: true });
    return `${name} ${mtimeNs} ${size} ${mode}`;
  });

test('a healthy setup has no fail and no warning, and everything stays as it was', async (t) => {
  const files = { 'a/b.txt': 'one', 'c.txt': 'two' };
  const source = tempTree(t, files);
  const folder = tempDirectory(t, 'secrets');
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, 'secret\n', { mode: 0o600 });
  writeFileSync(join(folder, 'secrets'), 'sync:secret\n', { mode: 0o600 });
  const open = await rsyncDaemon(t);
  const closed = await rsyncDaemon(t, {
    config: [
      'auth users = sync',
      `secrets file = ${folder}/secrets`,
      'max connections = 8',
      `lock file = ${folder}/lock`,
    ],
  });
  const server = await sshServer(t);
  const [behindSsh, local] = [tempTree(t, files), tempTree(t, files)];
  const trees = [open.tree, closed.tree, behindSsh, local];
  // Like the source, as after a first sync, to the nanosecond that it has.
  const at = new Date('2025-01-02T03:04:05Z');
  for (const tree of [source, ...trees]) {
    for (const [path, content] of Object.entries(files)) tree.write(path, content);
    for (const path of ['a/b.txt', 'a', 'c.txt', '']) utimesSync(tree.at(path), at, at);
  }
  const before = [source, ...trees].map(({ path }) => snapshotOf(path));
  const { identityFile, knownHostsFile } = server;
  const diagnosis = await diagnose(t, {
    source: source.path,
    targets: [
      { name: 'open', url: open.url },
      { name: 'closed', url: closed.url.replace('rsync://', 'rsync://sync@'), passwordFile },
      {
        name: 'ssh',
        url: `ssh://${server.user}@127.0.0.1:${server.port}${behindSsh.path}`,
        ssh: { identityFile, knownHostsFile },
      },
      local.path,
    ],
    hooks: [{ type: 'command', argv: ['true'] }],
  });
  assert.deepEqual(troublesOf(diagnosis), []);
  assert.equal(diagnosis.code, 0);
  assert.deepEqual(
    [source, ...trees].map(({ path }) => snapshotOf(path)),
    before,
  );
  for (const target of ['open', 'closed', 'ssh', local.path]) {
    const wrote = diagnosis.findings.find(
      (finding) => finding.target === target && finding.check === 'write',
    );
    assert.equal(wrote?.text, 'a file was written and removed again', target);
  }
  for (const target of ['open', 'closed', 'ssh'])
    assert.ok(
      diagnosis.findings.some(
        ({ target: name, check, text }) => name === target && check === 'clock' && /within/.test(text),
      ),
      target,
    );
});

test('a target whose directory is not there yet is no fault, and it is not made', async (t) => {
  const source = tempTree(t, { a: '1' });
  const daemon = await rsyncDaemon(t);
  const folder = tempDirectory(t);
  const diagnosis = await diagnose(t, {
    source: source.path,
    targets: [`${daemon.url}/later`, join(folder, 'copy')],
  });
  assert.deepEqual(troublesOf(diagnosis), []);
  assert.equal(
    diagnosis.findings.filter(({ check, text }) => check === 'directory' && /not there yet/.test(text))
      .length,
    2,
  );
  assert.deepEqual([daemon.tree.count(), readdirSync(folder)], [0, []]);
});

test('a running imgsync-fast is asked and not disturbed', async (t) => {
  const replication = await startReplication(t, { files: { 'a/b': '1' } });
  await replication.settled();
  const diagnosis = await diagnoseFile(replication.imgsync.file);
  assert.deepEqual(troublesOf(diagnosis), []);
  assert.equal(diagnosis.code, 0);
  assert.ok(
    diagnosis.findings.some(
      ({ text }) => text === `process ${replication.imgsync.pid} answers: every directory is watched`,
    ),
    JSON.stringify(diagnosis.findings),
  );
  assert.ok(!diagnosis.findings.some(({ check }) => check === 'write'));
  replication.source.write('a/c', '2');
  await replication.settled();
  replication.assertNoRepair();
  assert.deepEqual(
    replication.imgsync.logs.filter(({ level }) => level === 'warn' || level === 'error'),
    [],
  );
});

test('what a running imgsync-fast complains about is told', async (t) => {
  const replication = await startReplication(t, { files: { a: '1' } });
  await replication.daemons[0]?.stop();
  replication.source.write('b', '2');
  await replication.imgsync.waitForLog(({ state }) => state === 'backing-off', 'outage');
  const diagnosis = await diagnoseFile(replication.imgsync.file);
  const told = troublesOf(diagnosis).map(({ target, level, check }) => ({ target, level, check }));
  assert.deepEqual(told, [
    { target: 'target-1', level: 'warn', check: 'running' },
    { target: 'target-1', level: 'fail', check: 'connection' },
  ]);
  assert.equal(diagnosis.code, 1);
});

test('Ctrl-C in the middle of writing leaves nothing at the target', async (t) => {
  const source = tempTree(t, { a: '1' });
  const daemon = await rsyncDaemon(t);
  const folder = tempDirectory(t);
  const file = join(folder, 'sync.json');
  const stateDir = join(folder, 'state');
  writeFileSync(file, JSON.stringify({ source: source.path, stateDir, targets: [daemon.url] }));
  const group = startGroup(t, process.execPath, [compiledCommand, 'doctor', '-c', file], { stdio: 'ignore' });
  const watcher = watch(daemon.path);
  t.after(() => watcher.close());
  await once(watcher, 'change');
  group.leader.kill('SIGINT');
  assert.deepEqual(await group.ended, { code: 1, signal: null });
  // The daemon takes away what was on its way when its client went.
  await waitFor(() => daemon.tree.count() === 0, { what: 'end of the file' });
});

test('without --json there is one line for each check', async (t) => {
  const source = tempTree(t, { a: '1' });
  const folder = tempDirectory(t);
  const file = join(folder, 'sync.json');
  const stateDir = join(folder, 'state');
  const config = { source: source.path, stateDir, targets: ['rsync://127.0.0.1:1/none'] };
  writeFileSync(file, JSON.stringify(config));
  const { code, stdout, stderr } = await imgsyncFast('doctor', '-c', file);
  assert.equal(code, 1);
  const lines = stdout.trimEnd().split('\n');
  for (const line of lines) assert.match(line, /^(?:ok {4}|warn {2}|fail {2}).+: \S/);
  assert.match(
    lines.at(-1) ?? '',
    /^fail {2}127\.0\.0\.1:1\/none, connection: .*ECONNREFUSED {2}\(start .*\)$/,
  );
  assert.match(stderr, new RegExp(`^${lines.length} checks, 1 fail, \\d warn\n$`));
});

test('check looks at the configuration alone', async (t) => {
  const source = tempTree(t, { a: '1' });
  const file = join(tempDirectory(t), 'sync.json');
  writeFileSync(file, JSON.stringify({ source: source.path, targets: ['rsync://127.0.0.1:1/none'] }));
  assert.equal((await imgsyncFast('check', '-c', file)).code, 0);
});
