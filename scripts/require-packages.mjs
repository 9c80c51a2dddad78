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

const canInstall = () => process.getuid?.() === 0 && inPath('apt-get');

const commandFor = (packages) =>
  `apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')}`;

/**
 * Installs what is missing, if that can be done.
 * @param {Record<string, string>} programs program -> Debian package that holds it
 * @returns {string[]} the programs that are still missing
 */
export const installPackages = (programs) => {
  const missing = Object.keys(programs).filter((program) => !inPath(program));
  if (missing.length === 0 || !canInstall()) return missing;
  const packages = [...new Set(missing.map((program) => programs[program]))];
  console.error(`installing ${packages.join(' ')} (for ${missing.join(', ')}) …`);
  spawnSync('sh', ['-c', commandFor(packages)], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return missing.filter((program) => !inPath(program));
};

/**
 * @param {Record<string, string>} programs program -> Debian package that holds it
 * Ends the process with 69 when a program is missing and can't be installed.
 */
export const requirePackages = (programs) => {
  const missing = installPackages(programs);
  if (missing.length === 0) return;
  const command = commandFor([...new Set(missing.map((program) => programs[program]))]);
  console.error(`${missing.join(', ')} not found. Install with:\n  sudo sh -c '${command}'`);
  process.exit(69);
};

// As a command: require-packages.mjs PROGRAM …, each in the package of its name.
if (process.argv[1] === fileURLToPath(import.meta.url))
  requirePackages(Object.fromEntries(process.argv.slice(2).map((program) => [program, program])));
