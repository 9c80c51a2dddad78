import { type Dirent, readdirSync, statSync } from 'node:fs';
import { appendFile, cp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tree } from '../support/temp-tree.js';

const wantedFiles = 10_000;
/** Files of this size and more are copied only once. */
const bigBytes = 1 << 20;

const entriesOf = (path: string): Dirent[] =>
  readdirSync(path, { recursive: true, withFileTypes: true }).sort((a, b) =>
    pathOf(a) < pathOf(b) ? -1 : 1,
  );
const pathOf = (entry: Dirent): string => join(entry.parentPath, entry.name);
const filesOf = (path: string): string[] =>
  entriesOf(path)
    .filter((entry) => entry.isFile())
    .map(pathOf);

export const countFiles = (tree: Tree): number => filesOf(tree.path).length;

/** Copies the packages, several times when they are fewer files than a demo should have. */
export const copyPackages = async (packages: string, source: Tree): Promise<string> => {
  const copies = Math.max(2, Math.ceil((wantedFiles * 1.1) / filesOf(packages).length));
  for (let i = 1; i <= copies; i++) {
    await cp(packages, join(source.path, `copy-${i}`), {
      recursive: true,
      preserveTimestamps: true,
      verbatimSymlinks: true,
      filter: (path) =>
        i === 1 || statSync(path, { throwIfNoEntry: false })?.isFile() !== true || isSmall(path),
    });
  }
  return `${countFiles(source)} files, ${copies} copies`;
};
const isSmall = (path: string): boolean => statSync(path).size < bigBytes;

/** Appends to some files, rewrites others, and saves others by renaming a new one over them. */
export const editSome = async (source: Tree): Promise<string> => {
  const chosen = filesOf(source.path).filter((path, index) => index % 20 === 0 && isSmall(path));
  for (const [index, path] of chosen.entries()) {
    if (index % 3 === 0) await appendFile(path, '\n// edited\n');
    else if (index % 3 === 1) await writeFile(path, `rewritten ${index}\n`);
    else {
      await writeFile(`${path}~`, `saved ${index}\n`);
      await rename(`${path}~`, path);
    }
  }
  return `${chosen.length} files`;
};

const topDirectories = (path: string): string[] =>
  readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(path, entry.name))
    .sort();

/** Renames every second package of the first copy. */
export const renameDirectories = async (source: Tree): Promise<string> => {
  const chosen = topDirectories(join(source.path, 'copy-1')).filter((_, index) => index % 2 === 0);
  for (const path of chosen) await rename(path, `${path}-renamed`);
  return `${chosen.length} directories`;
};

/** Deletes every third package of the second copy. */
export const deleteSome = async (source: Tree): Promise<string> => {
  const before = countFiles(source);
  const chosen = topDirectories(join(source.path, 'copy-2')).filter((_, index) => index % 3 === 0);
  for (const path of chosen) await rm(path, { recursive: true });
  return `${chosen.length} directories with ${before - countFiles(source)} files`;
};
