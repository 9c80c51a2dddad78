import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { waitForEqual } from '../support/converge.js';
import { startImgsync } from '../support/imgsync.js';
import { unlessThere } from '../support/programs.js';
import { unlessRoot } from '../support/root.js';
import type { Scope } from '../support/scope.js';
import { tempDirectory, tempTree } from '../support/temp-tree.js';

const skip = unlessRoot || unlessThere('dpkg', 'dpkg-deb', 'dpkg-shlibdeps', 'strip', 'systemd-sysusers');
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

const command = (program: string, ...args: readonly string[]): string => {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 26 });
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
};

/** A folder that dpkg takes for a whole system. */
const emptySystem = (scope: Scope): string => {
  const root = tempDirectory(scope, 'system');
  for (const folder of ['var/lib/dpkg/updates', 'var/lib/dpkg/info', 'etc'])
    mkdirSync(join(root, folder), { recursive: true });
  for (const empty of ['status', 'available']) writeFileSync(join(root, 'var/lib/dpkg', empty), '');
  return root;
};

/** Its maintainer scripts run outside of the folder and get it as DPKG_ROOT; nothing else is installed there. */
const dpkg = (root: string, ...args: readonly string[]): string =>
  command('dpkg', `--root=${root}`, '--force-script-chrootless', '--force-depends', ...args);

test('the package of Debian installs, replicates and goes', { skip }, async (t) => {
  const folder = tempDirectory(t, 'deb');
  const file = command('node', 'scripts/package-deb.mjs', folder).trim();
  const field = (name: string) => command('dpkg-deb', '--field', file, name).trim();
  assert.equal(field('Version'), `${version}-1`);
  assert.match(field('Depends'), /^nodejs \(>= 20\), rsync \(>= 3\.1\.3\), .*libc6 \(>= 2\.\d+\)/);

  const root = emptySystem(t);
  dpkg(root, '--install', file);
  assert.equal(dpkg(root, '--verify', 'imgsync-fast'), '');
  const installed = join(root, 'usr/bin/imgsync-fast');
  assert.equal(command(installed, '--version').trim(), version);
  assert.match(readFileSync(join(root, 'etc/passwd'), 'utf8'), /^imgsync-fast:/m);
  assert.equal(statSync(join(root, 'etc/imgsync-fast')).mode & 0o777, 0o750);
  for (const path of [
    'usr/lib/systemd/system/imgsync-fast@.service',
    'usr/lib/sysctl.d/60-imgsync-fast.conf',
    'usr/share/man/man1/imgsync-fast.1.gz',
    'usr/share/man/man5/imgsync-fast.json.5.gz',
    'usr/share/bash-completion/completions/imgsync-fast',
    'usr/share/doc/imgsync-fast/examples/eight-targets/sync.json',
    'usr/share/doc/imgsync-fast/copyright',
  ])
    assert.ok(existsSync(join(root, path)), path);

  const source = tempTree(t, { 'a/cat.jpg': 'picture' });
  const target = tempTree(t);
  const imgsync = startImgsync(t, { source: source.path, targets: [target.path] }, { command: installed });
  await imgsync.ready();
  source.write('b/dog.jpg', 'another');
  await waitForEqual(source.path, [target.path]);
  assert.deepEqual(await imgsync.stop(), { code: 0, signal: null });

  mkdirSync(join(root, 'var/lib/imgsync-fast/state'), { recursive: true });
  writeFileSync(join(root, 'etc/imgsync-fast/material.json'), '{}');
  dpkg(root, '--remove', 'imgsync-fast');
  assert.deepEqual([existsSync(installed), existsSync(join(root, 'usr/lib/imgsync-fast'))], [false, false]);
  assert.ok(existsSync(join(root, 'var/lib/imgsync-fast/state')), 'only a purge forgets');
  dpkg(root, '--purge', 'imgsync-fast');
  assert.equal(existsSync(join(root, 'var/lib/imgsync-fast')), false);
  assert.ok(existsSync(join(root, 'etc/imgsync-fast/material.json')), 'configurations are the operator’s');
});
