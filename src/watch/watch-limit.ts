import { readFileSync } from 'node:fs';
import { WatchError } from '../core/errors.js';

export interface WatchShortage {
  /** The limit that was reached, in the notation of sysctl. */
  readonly setting: string;
  readonly limit: number;
  /** Directories of the tree. */
  readonly need: number;
  /** Directories that were watched when the kernel refused the next one. */
  readonly watched: number;
}

/** No proposal is smaller. */
const smallestProposal = 65_536;

/** What to do about too few watches: guessing the number costs an operator several tries. Pure. */
export const watchLimitReached = ({ setting, limit, need, watched }: WatchShortage): WatchError => {
  const others = Math.max(0, limit - watched);
  // Half as much again: room to grow. Whatever was counted, less than there is now can not be right.
  const wanted = Math.max(need * 1.5 + others, limit + 1, smallestProposal);
  const raise = `sysctl ${setting}=${2 ** Math.ceil(Math.log2(wanted))} (and keep it in /etc/sysctl.d)`;
  const text = `the tree has ${need} directories, and ${setting} is ${limit}`;
  return need > limit
    ? new WatchError('WATCH_LIMIT_REACHED', text, `raise it: ${raise}`)
    : new WatchError(
        'WATCH_LIMIT_REACHED',
        `${text}, of which other programs of this user hold ${others}`,
        `end one of them, or raise the limit: ${raise}`,
      );
};

/**
 * What one user may have, and the setting that says so. In a user namespace of its own a container has a limit beside that
 * of the host; the kernel asks both, and the lower one counts.
 */
export const inotifyLimit = (
  what: 'watches' | 'instances',
): { readonly setting: string; readonly limit: number } => {
  const host = { setting: `fs.inotify.max_user_${what}`, limit: readNumber(`fs/inotify/max_user_${what}`) };
  const own = { setting: `user.max_inotify_${what}`, limit: readNumber(`user/max_inotify_${what}`) };
  return own.limit < host.limit ? own : host;
};

/** Events that the kernel keeps for one instance until they are read. */
export const queueLimit = (): number => readNumber('fs/inotify/max_queued_events');

const readNumber = (name: string): number => Number.parseInt(readFileSync(`/proc/sys/${name}`, 'latin1'), 10);
