import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../test/support/run.js';
import type { Scope } from '../../test/support/scope.js';
import { tempDirectory } from '../../test/support/temp-tree.js';
import type { Stage } from '../stage.js';

/** The options that imgsync-fast gives rsync for a batch; see `rsyncArgs` for the reason of each. */
const options = [
  ...['-lptgoD', '-d', '--delete', '--force', '--delete-missing-args', '--from0', '--modify-window=-1'],
  ...['--sockopts=TCP_NODELAY', '--no-motd', '--no-h', '--stats', '--out-format=@%i %l %b %n'],
];

/**
 * The floor of what hands rsync lists: every directory of the finished tree as a whole, in so many calls for each target.
 * Nothing is watched, found out or kept.
 * @param atATime calls that run at the same time for each target
 */
export const listedRsync = async (
  scope: Scope,
  { source, daemons }: Stage,
  { calls, atATime }: { readonly calls: number; readonly atATime: number },
): Promise<void> => {
  const folder = tempDirectory(scope, 'lists');
  const directories = directoriesOf(source.path);
  const each = Math.ceil(directories.length / calls);
  const lists: string[] = [];
  for (let at = 0; at < directories.length; at += each) {
    const list = join(folder, `${lists.length}`);
    writeFileSync(list, directories.slice(at, at + each).join(''));
    lists.push(list);
  }
  const send = async (url: string, waiting: string[]): Promise<void> => {
    for (let list = waiting.shift(); list !== undefined; list = waiting.shift())
      await run('rsync', [...options, `--files-from=${list}`, './', `${url}/`], { cwd: source.path });
  };
  await Promise.all(
    daemons.flatMap(({ url }) => {
      const waiting = [...lists];
      return Array.from({ length: atATime }, () => send(url, waiting));
    }),
  );
};

/** As entries of a list. */
const directoriesOf = (root: string): string[] => [
  './\0',
  ...readdirSync(root, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    if (!entry.isDirectory()) return [];
    return `.${join(entry.parentPath, entry.name).slice(root.length)}/\0`;
  }),
];
