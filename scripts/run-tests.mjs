// npm test [FILE or FOLDER below test/ …]: gets the programs that the tests use, compiles, runs node's test runner.
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { installPackages, requirePackages } from './require-packages.mjs';

requirePackages({
  rsync: 'rsync',
  git: 'git',
  sshd: 'openssh-server',
  ssh: 'openssh-client',
  chromium: 'chromium',
  promtool: 'prometheus',
});

// Tests that need one of these are left out where it can't be had.
installPackages({
  'systemd-analyze': 'systemd',
  promtool: 'prometheus',
  groff: 'groff-base',
  mandoc: 'mandoc',
  zsh: 'zsh',
  fish: 'fish',
  'systemd-sysusers': 'systemd',
  'dpkg-shlibdeps': 'dpkg-dev',
  strip: 'binutils',
  'qemu-aarch64-static': 'qemu-user-static',
  'aarch64-linux-gnu-g++': 'g++-aarch64-linux-gnu',
});

const run = (program, args) => {
  const { status, signal } = spawnSync(program, args, { stdio: 'inherit' });
  if (signal !== null || status !== 0) process.exit(status || 1);
};
const testFiles = (path) =>
  statSync(path).isDirectory()
    ? readdirSync(path, { recursive: true })
        .map((name) => join(path, String(name)))
        .filter((name) => name.endsWith('.test.js'))
        .sort()
    : [path];

run('npm', ['run', '--silent', 'build:test']);
const chosen = process.argv.slice(2).map((path) => join('out', path.replace(/\.ts$/, '.js')));
const files = (chosen.length > 0 ? chosen : ['out/test']).flatMap(testFiles);
if (files.length === 0) {
  console.error('no tests found');
  process.exit(1);
}
const runTests = (atATime, some) => {
  if (some.length === 0) return;
  const options = ['--test-reporter=spec', `--test-concurrency=${atATime}`];
  run(process.execPath, ['--enable-source-maps', '--test', ...options, ...some]);
};
// What changes the whole machine for a moment would be felt by others.
const isAlone = (file) => file.endsWith('.alone.test.js');
runTests(
  1,
  files.filter((file) => isAlone(file)),
);
// Two files at a time: most tests wait for the kernel and for rsync, and more would only slow each other down.
runTests(
  2,
  files.filter((file) => !isAlone(file)),
);
