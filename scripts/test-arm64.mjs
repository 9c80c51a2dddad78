// npm run test:arm64 [-- PACKAGE.tgz]: installs the package as a host with arm64 would, and runs a program with it under
// qemu's emulation of that processor. Exit code 69 where that can't be had.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { requirePackages } from './require-packages.mjs';
import { fetchRuntime, nodeLines } from './runtimes.mjs';
import { packCheckout } from './stage-package.mjs';

/** The oldest and the newest that are supported. */
const lines = [nodeLines[0], nodeLines.at(-1)];
const folder = resolve('out/arm64');
/** Where Debian's cross compiler keeps the libraries of arm64. */
const libraries = '/usr/aarch64-linux-gnu';

const run = (program, args, cwd) => {
  const { status, signal } = spawnSync(program, args, { stdio: 'inherit', cwd });
  if (signal !== null || status !== 0) {
    console.error(`${program} ${args.join(' ')} ended with ${signal ?? status}`);
    process.exit(1);
  }
};

requirePackages({
  'qemu-aarch64-static': 'qemu-user-static',
  'aarch64-linux-gnu-g++': 'g++-aarch64-linux-gnu',
  rsync: 'rsync',
});
rmSync(folder, { recursive: true, force: true });
const given = process.argv[2];
const archive = given === undefined ? packCheckout(join(folder, 'checkout'), ['arm64']) : resolve(given);
const installation = join(folder, 'installation');
mkdirSync(installation, { recursive: true });
writeFileSync(join(installation, 'package.json'), '{ "type": "module" }');
copyFileSync('scripts/arm64-program.mjs', join(installation, 'program.mjs'));
run(
  'npm',
  ['install', archive, '--ignore-scripts', '--prefer-offline', '--cpu=arm64', '--os=linux', '--libc=glibc'],
  installation,
);
for (const line of lines) {
  const node = join(fetchRuntime('arm64', line), 'bin/node');
  run('qemu-aarch64-static', ['-L', libraries, node, 'program.mjs', 'imgsync-fast'], installation);
}
