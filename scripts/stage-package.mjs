// Packs the checkout beside itself, so that nothing in it is touched: dist/ and prebuilds/ are made in the copy.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const run = (program, args, options = {}) => {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 1e8,
    ...options,
  });
  if (status !== 0)
    throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? `${stdout}${stderr}`}`);
  return stdout;
};

/**
 * Copies the files of the checkout, those that are not committed yet included, and borrows its node_modules.
 * @param {string} folder is made anew
 */
export const copyCheckout = (folder) => {
  rmSync(folder, { recursive: true, force: true });
  const files = run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard']).split('\0');
  for (const file of files.filter((name) => name !== '' && existsSync(name))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(file, join(folder, file), { verbatimSymlinks: true });
  }
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
};

/**
 * @param {string} folder gets a copy of the checkout
 * @param {string[]} architectures of the addons that go into it: `x64`, `arm64`
 * @returns {string} the absolute path of the package, imgsync-fast-VERSION.tgz
 */
export const packCheckout = (folder, architectures) => {
  copyCheckout(folder);
  run(process.execPath, ['scripts/prebuild.mjs', ...architectures], { cwd: folder });
  run('npm', ['run', '--silent', 'build:ts'], { cwd: folder });
  return join(resolve(folder), run('npm', ['pack', '--silent', '--ignore-scripts'], { cwd: folder }).trim());
};

// As a command: stage-package.mjs FOLDER ARCHITECTURE … prints the path of the package.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder, ...architectures] = process.argv.slice(2);
  console.log(packCheckout(folder, architectures));
}
