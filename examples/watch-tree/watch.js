// Prints what appears, changes and goes in a tree: `there PATH` or `gone PATH`.
// node watch.js DIRECTORY
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { watchTree } from 'imgsync-fast';

const [root = '.'] = process.argv.slice(2);
const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => ended.abort());

/** All that a change may be about: a wide one stands for what a directory holds. */
async function* pathsOf({ kind, path }) {
  yield path;
  if (kind !== 'directory' && kind !== 'tree') return;
  const names = await readdir(join(root, path), { recursive: kind === 'tree' }).catch(() => []);
  for (const name of names) yield join(path, name);
}

const isThere = (path) =>
  lstat(join(root, path)).then(
    () => true,
    () => false,
  );

const watch = watchTree(root, { exclude: ['node_modules/', '.git/'], signal: ended.signal });
const { directories } = await watch.ready;
console.log(`watching ${directories} directories`);
for await (const { changes, overflow } of watch) {
  if (overflow) console.log('events were lost: looking at everything');
  for (const change of changes)
    for await (const path of pathsOf(change)) console.log((await isThere(path)) ? 'there' : 'gone', path);
}
