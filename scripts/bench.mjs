// npm run bench [-- SCENARIO … OPTION …]: gets the peers, compiles, measures. See --help.
import { spawnSync } from 'node:child_process';
import { installPackages, requirePackages } from './require-packages.mjs';

requirePackages({ rsync: 'rsync', 'g++': 'g++' });
// A peer that can't be had is left out; the bench says so.
installPackages({ lsyncd: 'lsyncd', inotifywait: 'inotify-tools' });

const run = (program, args) => {
  const { status, signal } = spawnSync(program, args, { stdio: 'inherit' });
  if (signal !== null || status !== 0) process.exit(status || 1);
};
run('npm', ['run', '--silent', 'build:test']);
run(process.execPath, ['--enable-source-maps', 'out/bench/run.js', ...process.argv.slice(2)]);
