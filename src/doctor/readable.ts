import { constants } from 'node:fs';
import { open, opendir } from 'node:fs/promises';

/** Files that are tried in one directory. */
const filesOfEach = 20;

/** Absolute root and relative path, latin1 -> bytes. */
const bytesOf = (root: string, path: string): Buffer =>
  Buffer.from(path === '' ? root : `${root}/${path}`, 'latin1');

/**
 * Those of the directories that can't be listed or entered. By opening them: access(2) does not count the capabilities of
 * other users than root.
 */
export const closedDirectories = async (root: string, paths: readonly string[]): Promise<string[]> => {
  const closed: string[] = [];
  for (const path of paths) {
    const bytes = bytesOf(root, path);
    // One that can be listed but not entered has no entry that could be looked at.
    const isOpen = (await canOpen(bytes)) && (await canOpen(Buffer.concat([bytes, Buffer.from('/.')])));
    if (!isOpen) closed.push(path);
  }
  return closed;
};

/** Tries some files of each directory. @returns how many were tried, and those that can't be read */
export const tryFiles = async (
  root: string,
  folders: readonly string[],
): Promise<{ readonly tried: number; readonly closed: readonly string[] }> => {
  let tried = 0;
  const closed: string[] = [];
  for (const folder of folders) {
    for (const name of await filesIn(bytesOf(root, folder))) {
      const path = folder === '' ? name : `${folder}/${name}`;
      tried++;
      if (!(await canOpen(bytesOf(root, path)))) closed.push(path);
    }
  }
  return { tried, closed };
};

/** Whatever else goes wrong with a path than its rights: it went away, mostly. */
const canOpen = async (path: Buffer): Promise<boolean> => {
  try {
    // Should it be a FIFO by now, opening it must not wait.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    await file.close();
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EACCES';
  }
};

const filesIn = async (folder: Buffer): Promise<string[]> => {
  const names: string[] = [];
  try {
    // Decoding as latin1 keeps each byte.
    for await (const entry of await opendir(folder, { encoding: 'latin1' })) {
      if (entry.isFile()) names.push(entry.name);
      if (names.length === filesOfEach) break;
    }
  } catch {
    // It went away.
  }
  return names;
};
