// npm run demo: eight real rsync daemons, one source, imgsync-fast between them. Exit code 0 only when all is equal.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { requirePackages } from './require-packages.mjs';

requirePackages({ rsync: 'rsync' });

const build = (script) => {
  const { status } = spawnSync('npm', ['run', '--silent', script], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
};
if (!existsSync('build/Release/imgsync_native.node')) build('build:native');
build('build:ts');
build('build:test');

const { demo } = await import('../out/test/demo/demo.js');
process.exit((await demo()) ? 0 : 1);
