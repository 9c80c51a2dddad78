// Node's own binaries, as the npm registry carries them: `node-linux-ARCHITECTURE` holds bin/node and include/node.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The lines of Node that are supported: `engines` of package.json names the first. */
export const nodeLines = ['20', '22', '24', '26'];

const run = (program, args) => {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout.trim();
};

/**
 * Fetches the newest release of a line, once for a checkout: it is kept in out/runtimes. Needs about 130 MB.
 * @param {'x64' | 'arm64'} architecture
 * @param {string} line such as `22`
 * @returns {string} absolute folder with bin/node and include/node
 */
export const fetchRuntime = (architecture, line) => {
  const folder = resolve('out/runtimes', `${architecture}-${line}`);
  if (existsSync(folder)) return folder;
  const coming = `${folder}.${process.pid}`;
  mkdirSync(coming, { recursive: true });
  try {
    run('npm', ['pack', '--silent', '--pack-destination', coming, `node-linux-${architecture}@^${line}`]);
    const [archive] = readdirSync(coming);
    const parts = ['package/bin', 'package/include/node', 'package/LICENSE'];
    run('tar', ['-xzf', join(coming, archive), '-C', coming, '--strip-components=1', ...parts]);
    rmSync(join(coming, archive));
    renameSync(coming, folder);
  } finally {
    rmSync(coming, { recursive: true, force: true });
  }
  return folder;
};
