import { spawnSync } from 'node:child_process';

/** For `skip` of tests that need a program which is not everywhere; `npm test` installs it where it can. */
export const unlessThere = (...programs: readonly string[]): string | false => {
  const missing = programs.filter(
    (program) => spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program]).status !== 0,
  );
  return missing.length > 0 && `needs ${missing.join(' and ')}`;
};
