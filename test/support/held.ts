import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import * as v8 from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What a process has of the kernel and of Node, as counts. */
export interface Held {
  readonly descriptors: number;
  /** Instances of inotify. */
  readonly inotify: number;
  /** Watches of all instances together. */
  readonly watches: number;
  readonly threads: number;
  readonly children: number;
  /** Timers, sockets and whatever else may keep this thread's event loop alive. */
  readonly resources: number;
}

/** Of this process, all threads; `resources` of this thread. */
export const held = (): Held => {
  const links = readdirSync('/proc/self/fd').flatMap((fd) =>
    unlessGone(() => [{ fd, link: readlinkSync(`/proc/self/fd/${fd}`) }], []),
  );
  const tasks = readdirSync('/proc/self/task');
  const inotify = links.filter(({ link }) => link.includes('inotify'));
  return {
    descriptors: links.length,
    inotify: inotify.length,
    watches: inotify.reduce((sum, { fd }) => sum + watchesOf(fd), 0),
    threads: tasks.length,
    children: tasks.reduce((sum, task) => sum + childrenOf(task), 0),
    resources: process.getActiveResourcesInfo().length,
  };
};

/** @returns what there is more of than before, as text; `true` for nothing */
export const noMoreThan = (before: Held, now: Held = held()): true | string => {
  const names = Object.keys(before) as (keyof Held)[];
  const more = names.filter((name) => now[name] > before[name]);
  return more.length === 0 || more.map((name) => `${name}: ${before[name]}, now ${now[name]}`).join('; ');
};

/** What is in memory after a collection of garbage. */
export interface Memory {
  /** Objects and functions of this thread's JavaScript, however small: what a leak shows in first. 0 before Node 20.13. */
  readonly objects: number;
  /** Bytes of JavaScript, the code that the compiler makes included. */
  readonly heap: number;
  /** Bytes of buffers and what else objects own outside. */
  readonly external: number;
  /** Resident bytes of the whole process. */
  readonly resident: number;
}

v8.setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

export const memory = (): Memory => {
  collectGarbage();
  const objects = v8.queryObjects?.(Object, { format: 'count' }) ?? 0;
  const { heapUsed, external, rss } = process.memoryUsage();
  return { objects, heap: heapUsed, external, resident: rss };
};

/**
 * Growth of a series for each step, undisturbed by single odd values: the median of the slopes between all pairs
 * (Theil and Sen).
 */
export const slope = (values: readonly number[]): number => {
  const slopes = values.flatMap((from, index) =>
    values.slice(index + 1).map((to, after) => (to - from) / (after + 1)),
  );
  slopes.sort((a, b) => a - b);
  return slopes[Math.floor(slopes.length / 2)] ?? 0;
};

const watchesOf = (fd: string): number =>
  unlessGone(() => readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1').split('\ninotify ').length - 1, 0);

const childrenOf = (task: string): number => {
  const pids = unlessGone(() => readFileSync(`/proc/self/task/${task}/children`, 'latin1'), '');
  return pids.split(' ').filter((pid) => pid.trim() !== '').length;
};

/** A descriptor or thread may go while it is looked at. */
const unlessGone = <Result>(look: () => Result, otherwise: Result): Result => {
  try {
    return look();
  } catch {
    return otherwise;
  }
};
