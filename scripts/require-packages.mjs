// Makes sure that programs from Debian's packages are there: as root by apt, otherwise by saying the one command.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const inPath = (program) =>
  [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/**
 * @param {Record<string, string>} programs program -> Debian package that holds it
 * Ends the process with 69 when a program is missing and can't be installed.
 */
export const requirePackages = (programs) => {
  const missing = Object.entries(programs).filter(([program]) => !inPath(program));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(([, name]) => name))];
  const command = `apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  const names = missing.map(([program]) => program).join(', ');
  if (process.getuid?.() !== 0 || !inPath('apt-get')) {
    console.error(`${names} not found. Install with:\n  sudo sh -c '${command}'`);
    process.exit(69);
  }
  console.error(`installing ${packages.join(' ')} (for ${names}) …`);
  const run = spawnSync('sh', ['-c', command], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const still = missing.filter(([program]) => !inPath(program));
  if (run.status !== 0 || still.length > 0) {
    console.error(`could not install ${packages.join(' ')}; run: ${command}`);
    process.exit(69);
  }
};

// As a command: require-packages.mjs PROGRAM …, each in the package of its name.
if (process.argv[1] === fileURLToPath(import.meta.url))
  requirePackages(Object.fromEntries(process.argv.slice(2).map((program) => [program, program])));
