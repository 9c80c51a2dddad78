// npm test [FILE or FOLDER below test/ …]: gets the programs that the tests use, compiles, runs node's test runner.
import { spawnSync } from 'node:child_process';
import { installPackages, requirePackages } from './require-packages.mjs';
import { compiledTests, testRuns } from './test-files.mjs';

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

run('npm', ['run', '--silent', 'build:test']);
const named = process.argv.slice(2);
const files = compiledTests(named.length > 0 ? named : ['test']);
if (files.length === 0) {
  console.error('no tests found');
  process.exit(1);
}
for (const args of testRuns(files)) run(process.execPath, args);
