import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../test/support/run.js';
import type { Stage } from '../stage.js';

/** The options that imgsync-fast gives rsync for a batch; see `rsyncArgs` for the reason of each. */
const options = [
  ...['-lptgoD', '-d', '--delete', '--force', '--delete-missing-args', '--relative', '--modify-window=-1'],
  ...['--sockopts=TCP_NODELAY', '--no-motd', '--no-h', '--stats', '--out-format=@%i %l %b %n'],
];

/**
 * The floor of what names to rsync what it is to send: every directory of the finished tree as a whole, in so many calls
 * for each target. Nothing is watched, found out or kept.
 * @param atATime calls that run at the same time for each target
 */
export const namedRsync = async (
  { source, daemons }: Stage,
  { calls, atATime }: { readonly calls: number; readonly atATime: number },
): Promise<void> => {
  const directories = directoriesOf(source.path);
  const each = Math.ceil(directories.length / calls);
  const parts: string[][] = [];
  for (let at = 0; at < directories.length; at += each) parts.push(directories.slice(at, at + each));
  const send = async (url: string, waiting: string[][]): Promise<void> => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift())
      await run('rsync', [...options, ...part, `${url}/`], { cwd: source.path });
  };
  await Promise.all(
    daemons.flatMap(({ url }) => {
      const waiting = [...parts];
      return Array.from({ length: atATime }, () => send(url, waiting));
    }),
  );
};

const directoriesOf = (root: string): string[] => [
  './',
  ...readdirSync(root, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    if (!entry.isDirectory()) return [];
    return `.${join(entry.parentPath, entry.name).slice(root.length)}/`;
  }),
];
