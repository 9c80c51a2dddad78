import { inotifyLimit, queueLimit, watchLimitReached } from '../watch/watch-limit.js';
import { type Finding, fail, ok, warn } from './finding.js';
import { type InotifyUse, inotifyUse } from './inotify-use.js';

/** Room that a tree should have to grow. */
const growth = 1.25;
/** The kernel's own default, and what deploy/sysctl.d sets. */
const queue = { default: 16_384, advised: 262_144 };
/** From so many directories on a scan after an overflow takes its time. */
const manyDirectories = 100_000;

/**
 * The limits of inotify against what the tree needs.
 * @param directories of the tree; `undefined`: they could not be counted
 * @param running the imgsync-fast that watches this tree: what it holds is ours
 */
export const examineInotify = async (
  directories: number | undefined,
  running: number | undefined,
): Promise<Finding[]> => {
  const used = await inotifyUse(running);
  return [
    ...(directories === undefined ? [] : [watchesFinding(directories, used)]),
    instancesFinding(used, running !== undefined),
    queueFinding(directories ?? 0),
  ];
};

const watchesFinding = (need: number, used: InotifyUse): Finding => {
  const { setting, limit } = inotifyLimit('watches');
  const left = Math.max(0, limit - used.watches);
  const { message, hint } = watchLimitReached({ setting, limit, need, watched: left });
  if (need > left) return fail('watches', message, hint);
  const text = `the tree has ${need} directories, ${left} of ${limit} watches are left (${setting})`;
  return need * growth > left ? warn('watches', `${text}: it can hardly grow`, hint) : ok('watches', text);
};

const instancesFinding = (used: InotifyUse, isRunning: boolean): Finding => {
  const { setting, limit } = inotifyLimit('instances');
  const text = `other programs of this user hold ${used.instances} of ${limit} instances (${setting})`;
  return used.instances < limit || isRunning
    ? ok('instances', text)
    : fail(
        'instances',
        text,
        `raise it: sysctl ${setting}=${Math.max(1_024, 2 * limit)}, or end one of them`,
      );
};

const queueFinding = (directories: number): Finding => {
  const limit = queueLimit();
  const setting = 'fs.inotify.max_queued_events';
  const text = `${limit} events (${setting})`;
  return limit < queue.default || (limit < queue.advised && directories >= manyDirectories)
    ? warn(
        'event queue',
        `${text}: whenever it runs over, the whole tree is scanned`,
        `raise it: sysctl ${setting}=${queue.advised} (and keep it in /etc/sysctl.d)`,
      )
    : ok('event queue', text);
};
