import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertFound, diagnose, troublesOf } from '../support/doctor.js';
import { freePort } from '../support/free-port.js';
import {
  limited,
  MemoryDisk,
  nobody,
  unlessMounting,
  unlessNamespaces,
  unlessRoot,
} from '../support/root.js';
import { rsyncDaemon } from '../support/rsync-daemon.js';
import type { Scope } from '../support/scope.js';
import { sshServer } from '../support/ssh-server.js';
import { tempDirectory, tempTree } from '../support/temp-tree.js';

const secretFile = (scope: Scope, content: string, mode: number): string => {
  const file = join(tempDirectory(scope, 'secret'), 'file');
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
};

/** A program that answers `--version` and does all else as rsync does. */
const oldRsync = (scope: Scope, version: string): string => {
  const file = join(tempDirectory(scope, 'old'), 'rsync');
  const answer = `rsync  version ${version}  protocol version 30`;
  writeFileSync(file, `#!/bin/sh\n[ "$1" = --version ] && echo '${answer}' && exit\nexec rsync "$@"\n`);
  chmodSync(file, 0o755);
  return file;
};

test('too few watches', { skip: unlessNamespaces }, async (t) => {
  const source = tempTree(t, { 'a/b/c/d/e': '1' });
  const config = { source: source.path, targets: [tempDirectory(t)] };
  const diagnosis = await diagnose(t, config, { wrap: limited('max_inotify_watches', 3) });
  assertFound(diagnosis, 'fail', 'watches', /tree has 5 directories, and user\.max_inotify_watches is 3/);
  assert.equal(diagnosis.code, 1);
});

test('hardly enough watches', { skip: unlessNamespaces }, async (t) => {
  const source = tempTree(t, { 'a/b/c/d/e': '1' });
  const config = { source: source.path, targets: [tempDirectory(t)] };
  const diagnosis = await diagnose(t, config, { wrap: limited('max_inotify_watches', 6) });
  assert.equal(diagnosis.code, 0);
  const [first] = troublesOf(diagnosis);
  assert.deepEqual([first?.level, first?.check], ['warn', 'watches']);
});

test('no inotify instance left', { skip: unlessNamespaces }, async (t) => {
  const config = { source: tempTree(t).path, targets: [tempDirectory(t)] };
  const wrap = limited('max_inotify_instances', 0);
  assertFound(await diagnose(t, config, { wrap }), 'fail', 'instances', /user\.max_inotify_instances/);
});

for (const [what, targetOf] of [
  [
    'a password file that others can read',
    (file: string) => ({ url: 'rsync://sync@127.0.0.1/m', passwordFile: file }),
  ],
  [
    'a private key that others can read',
    (file: string) => ({ url: 'ssh://127.0.0.1/m', ssh: { identityFile: file } }),
  ],
] as const) {
  test(`${what}: the configuration is wrong`, async (t) => {
    const target = targetOf(secretFile(t, 'secret\n', 0o644));
    const diagnosis = await diagnose(t, { source: tempTree(t).path, targets: [target] });
    assert.equal(diagnosis.code, 78);
    assertFound(diagnosis, 'fail', 'configuration', /is open to others: chmod 600/);
  });
}

test('several faults of the configuration are a line each', async (t) => {
  const diagnosis = await diagnose(t, { source: tempTree(t).path, targets: [], exlude: [] });
  assert.equal(diagnosis.code, 78);
  assert.deepEqual(
    troublesOf(diagnosis).map(({ text }) => text.replace(/^.*json:\d+:\d+: /, '')),
    ['/targets: expected at least one target, got a list', '/exlude: unknown key; did you mean "exclude"?'],
  );
});

test('a source that is not there', async (t) => {
  const diagnosis = await diagnose(t, { source: '/no/such/place', targets: [tempDirectory(t)] });
  assertFound(diagnosis, 'fail', 'source', /no such file or directory/);
  assert.equal(diagnosis.code, 1);
});

for (const [what, lines, check, words] of [
  ['a module that is read-only', ['read only = yes'], 'dry run', /module is read only .*MODULE_READ_ONLY/],
  ['a module that refuses deletes', ['refuse options = delete'], 'dry run', /OPTION_REFUSED/],
  ['a module that wants a password', ['auth users = sync'], 'dry run', /AUTH_FAILED/],
  ['a host that is kept out', ['hosts deny = *'], 'dry run', /ACCESS_DENIED/],
  ['a module whose path is not there', ['path = /no/such/path'], 'dry run', /MODULE_PATH_MISSING/],
] as const) {
  test(what, async (t) => {
    const daemon = await rsyncDaemon(t);
    daemon.configure((text) => `${text}${lines.join('\n')}\n`);
    const diagnosis = await diagnose(t, { source: tempTree(t).path, targets: [daemon.url] });
    assertFound(diagnosis, 'fail', check, words);
    assert.equal(diagnosis.code, 1);
  });
}

test('a wrong password', async (t) => {
  const secrets = secretFile(t, 'sync:right\n', 0o600);
  const daemon = await rsyncDaemon(t, { config: ['auth users = sync', `secrets file = ${secrets}`] });
  const url = daemon.url.replace('rsync://', 'rsync://sync@');
  const target = { url, passwordFile: secretFile(t, 'wrong\n', 0o600) };
  const diagnosis = await diagnose(t, { source: tempTree(t).path, targets: [target] });
  assertFound(diagnosis, 'fail', 'dry run', /AUTH_FAILED/);
});

test('a module that is not there', async (t) => {
  const daemon = await rsyncDaemon(t);
  const targets = [daemon.url.replace(/tree$/, 'nonsuch')];
  assertFound(await diagnose(t, { source: tempTree(t).path, targets }), 'fail', 'dry run', /UNKNOWN_MODULE/);
});

test('a port that nobody listens on', async (t) => {
  const targets = [`rsync://127.0.0.1:${await freePort()}/tree`];
  const diagnosis = await diagnose(t, { source: tempTree(t).path, targets });
  assertFound(diagnosis, 'fail', 'connection', /ECONNREFUSED/);
});

test('a port that something else listens on', async (t) => {
  const server = await sshServer(t);
  const targets = [`rsync://127.0.0.1:${server.port}/tree`];
  const diagnosis = await diagnose(t, { source: tempTree(t).path, targets });
  assertFound(diagnosis, 'fail', 'connection', /EPROTO \(SSH-2/);
});

test('a daemon that hangs does not hold up the others', async (t) => {
  const [frozen, daemon] = [await rsyncDaemon(t), await rsyncDaemon(t)];
  frozen.freeze();
  const targets = [frozen.url, daemon.url];
  const diagnosis = await diagnose(t, { source: tempTree(t).path, targets });
  assertFound(diagnosis, 'fail', 'connection', /ETIMEDOUT/);
  assert.ok(diagnosis.findings.some(({ text }) => text === 'a file was written and removed again'));
});

test('a module with one connection', async (t) => {
  const lock = join(tempDirectory(t), 'lock');
  const daemon = await rsyncDaemon(t, { config: ['max connections = 1', `lock file = ${lock}`] });
  const diagnosis = await diagnose(t, { source: tempTree(t).path, targets: [daemon.url] });
  assertFound(diagnosis, 'warn', 'connections', /takes 1 at a time, and up to 5 are used/);
  assert.equal(diagnosis.code, 0);
  assert.equal(daemon.tree.count(), 0);
});

test('a module with a short timeout', async (t) => {
  const daemon = await rsyncDaemon(t, { config: ['timeout = 7'] });
  const diagnosis = await diagnose(t, { source: tempTree(t).path, targets: [daemon.url] });
  assertFound(diagnosis, 'warn', 'timeout', /for 7 s/);
});

test('a directory that the receiver may not write to', { skip: unlessRoot }, async (t) => {
  const daemon = await rsyncDaemon(t, { useChroot: false, config: ['uid = nobody'] });
  const diagnosis = await diagnose(t, { source: tempTree(t).path, targets: [daemon.url] });
  assertFound(diagnosis, 'fail', 'write', /Permission denied/);
});

test('a directory that the receiver may write to but does not own', { skip: unlessRoot }, async (t) => {
  const daemon = await rsyncDaemon(t, { useChroot: false, config: ['uid = nobody'] });
  chmodSync(daemon.path, 0o777);
  const target = { name: 'a', url: daemon.url };
  const diagnosis = await diagnose(t, { source: tempTree(t).path, targets: [target] });
  assertFound(diagnosis, 'warn', 'directory', /failed to set times on/);
  const rsync = { args: ['-O'] };
  const without = await diagnose(t, { source: tempTree(t).path, targets: [{ ...target, rsync }] });
  assert.deepEqual(troublesOf(without), []);
});

test('a full disk at the target', { skip: unlessMounting }, async (t) => {
  const disk = await MemoryDisk.mount(t, '64k');
  fill(disk.path);
  const daemon = await rsyncDaemon(t, { path: disk.path });
  const diagnosis = await diagnose(t, { source: tempTree(t).path, targets: [daemon.url] });
  assertFound(diagnosis, 'fail', 'write', /DISK_FULL/);
});

test('a target below a directory that is not there', async (t) => {
  const daemon = await rsyncDaemon(t);
  const targets = [`${daemon.url}/no/such`];
  const diagnosis = await diagnose(t, { source: tempTree(t).path, targets });
  const [trouble] = troublesOf(diagnosis);
  assert.equal(trouble?.level, 'fail', JSON.stringify(diagnosis.findings));
  assert.equal(daemon.tree.count(), 0);
});

test('an rsync that is not there', async (t) => {
  const rsync = { path: '/no/such/rsync' };
  const diagnosis = await diagnose(t, { source: tempTree(t).path, targets: [tempDirectory(t)], rsync });
  const [here, target, ...others] = troublesOf(diagnosis);
  assert.deepEqual([here?.level, here?.check], ['fail', 'rsync here (/no/such/rsync)']);
  assert.match(target?.text ?? '', /RSYNC_MISSING/);
  assert.deepEqual(others, []);
});

test('an rsync that is too old', async (t) => {
  const rsync = { path: oldRsync(t, '3.0.9') };
  const diagnosis = await diagnose(t, { source: tempTree(t).path, targets: [tempDirectory(t)], rsync });
  assertFound(diagnosis, 'fail', /^rsync here/, /3\.0\.9 is too old/);
});

test('an rsync behind ssh that is too old', async (t) => {
  const { user, port, identityFile, knownHostsFile } = await sshServer(t);
  const target = {
    url: `ssh://${user}@127.0.0.1:${port}${tempDirectory(t)}`,
    ssh: { identityFile, knownHostsFile },
    rsync: { args: [`--rsync-path=${oldRsync(t, '2.6.9')}`] },
  };
  const diagnosis = await diagnose(t, { source: tempTree(t).path, targets: [target] });
  assertFound(diagnosis, 'fail', 'rsync there', /2\.6\.9 is too old/);
});

test('a host key that is not known', async (t) => {
  const { user, port, identityFile } = await sshServer(t);
  const knownHostsFile = secretFile(t, '', 0o600);
  const options = ['GlobalKnownHostsFile=/dev/null'];
  const target = {
    url: `ssh://${user}@127.0.0.1:${port}${tempDirectory(t)}`,
    ssh: { identityFile, knownHostsFile, options },
  };
  const diagnosis = await diagnose(t, { source: tempTree(t).path, targets: [target] });
  assertFound(diagnosis, 'fail', 'login', /host key is not known/);
});

test('a key that is not let in', async (t) => {
  const { user, port, knownHostsFile } = await sshServer(t);
  const other = await sshServer(t);
  const target = {
    url: `ssh://${user}@127.0.0.1:${port}${tempDirectory(t)}`,
    ssh: { identityFile: other.identityFile, knownHostsFile, options: ['IdentitiesOnly=yes'] },
  };
  const diagnosis = await diagnose(t, { source: tempTree(t).path, targets: [target] });
  assertFound(diagnosis, 'fail', 'login', /SSH_REFUSED/);
});

test('a state directory on a full disk', { skip: unlessMounting }, async (t) => {
  const disk = await MemoryDisk.mount(t, '64k');
  fill(disk.path);
  const config = { source: tempTree(t).path, targets: [tempDirectory(t)], stateDir: disk.path };
  const diagnosis = await diagnose(t, config);
  assert.equal(diagnosis.code, 1);
  const troubles = troublesOf(diagnosis);
  assert.deepEqual(
    troubles.map(({ level, check }) => `${level} ${check}`),
    ['fail state directory', 'fail state space'],
  );
  assert.match(troubles[0]?.text ?? '', /ENOSPC/);
});

test('a state directory that this user may not make', { skip: unlessRoot }, async (t) => {
  const source = tempTree(t);
  chmodSync(source.path, 0o755);
  const stateDir = '/usr/lib/imgsync-fast-state';
  const config = { source: source.path, targets: [openDirectory(t)], stateDir };
  const diagnosis = await diagnose(t, config, { userId: nobody });
  assertFound(diagnosis, 'fail', 'state directory', /can not be made in \/usr\/lib: EACCES/);
});

test('what this user may not read in the source', { skip: unlessRoot }, async (t) => {
  const source = tempTree(t, { 'open/file': '1', 'closed/file': '1', 'open/secret': '1' });
  chmodSync(source.path, 0o755);
  chmodSync(source.at('closed'), 0o700);
  chmodSync(source.at('open/secret'), 0o600);
  const config = { source: source.path, targets: [openDirectory(t)] };
  const diagnosis = await diagnose(t, config, { userId: nobody });
  assert.equal(diagnosis.code, 1);
  assert.deepEqual(
    troublesOf(diagnosis).map(({ level, text }) => `${level} ${text}`),
    ['fail directories that can not be read: closed', 'fail files that can not be read: open/secret'],
  );
});

test('what is mounted below the source', { skip: unlessMounting }, async (t) => {
  const source = tempTree(t, { 'disk/.keep': '' });
  const disk = await MemoryDisk.mount(t, '1m', join(source.path, 'disk'));
  const config = { source: source.path, targets: [tempDirectory(t)] };
  assertFound(await diagnose(t, config), 'warn', 'mounts', new RegExp(`tmpfs .* at ${disk.path}`));
  assert.deepEqual(troublesOf(await diagnose(t, { ...config, exclude: ['/disk/'] })), []);
});

test('a hook whose program is not there, one that may not be run, and one that nobody listens for', async (t) => {
  const script = secretFile(t, '#!/bin/sh\n', 0o644);
  const diagnosis = await diagnose(t, {
    source: tempTree(t).path,
    targets: [tempDirectory(t)],
    hooks: [
      { type: 'command', name: 'missing', argv: ['nonsuch-program'] },
      { type: 'command', name: 'closed', argv: [script] },
      { type: 'webhook', name: 'silent', url: `http://127.0.0.1:${await freePort()}/` },
      { type: 'socket', name: 'unknown', address: 'tcp://no-such-host.invalid:1' },
    ],
  });
  assert.deepEqual(
    troublesOf(diagnosis).map(({ level, check }) => `${level} ${check}`),
    ['fail hook missing', 'fail hook closed', 'warn hook silent', 'fail hook unknown'],
  );
});

/** Leaves no room for another byte. */
const fill = (folder: string): void => {
  spawnSync('dd', ['if=/dev/zero', `of=${folder}/filler`, 'bs=4k'], { stdio: 'ignore' });
};

/** A directory of the user without rights. */
const openDirectory = (scope: Scope): string => {
  const path = tempDirectory(scope);
  chownSync(path, nobody, nobody);
  return path;
};
