import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';

/**
 * Replaces a small file, mode 0600: the old content or the new one is there at any moment, also after the machine went
 * down. Throws a system error.
 * @param state written as JSON; `undefined`: the file goes
 */
export const writeDurably = (path: string, state: unknown): void => {
  if (state === undefined) {
    rmSync(path, { force: true });
    return;
  }
  const next = `${path}.new`;
  const fd = openSync(next, 'w', 0o600);
  try {
    writeSync(fd, `${JSON.stringify(state)}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(next, path);
};
