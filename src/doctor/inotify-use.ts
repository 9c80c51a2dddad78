import { createReadStream } from 'node:fs';
import { readdir, readlink, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';

export interface InotifyUse {
  readonly instances: number;
  readonly watches: number;
}

/** Watches of one instance that are counted; the kernel holds up its owner while it lists them. */
const mostCounted = 1_000_000;

/**
 * What other processes of this user hold of inotify, as far as their descriptors can be seen.
 * @param exceptPid one that is left out
 */
export const inotifyUse = async (exceptPid: number | undefined): Promise<InotifyUse> => {
  const uid = process.getuid?.();
  let instances = 0;
  let watches = 0;
  for (const pid of await namesIn('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === exceptPid || Number(pid) === process.pid) continue;
    const owner = await stat(`/proc/${pid}`).catch(() => undefined);
    if (owner?.uid !== uid) continue;
    for (const fd of await namesIn(`/proc/${pid}/fd`)) {
      const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      if (!/^(?:anon_inode:)?inotify$/.test(target)) continue;
      instances++;
      watches += await countWatches(`/proc/${pid}/fdinfo/${fd}`).catch(() => 0);
    }
  }
  return { instances, watches };
};

const namesIn = (path: string): Promise<string[]> => readdir(path).catch(() => []);

/** One line for each watch: proc_pid_fdinfo(5). */
const countWatches = async (file: string): Promise<number> => {
  let count = 0;
  const input = createReadStream(file, 'latin1');
  const lines = createInterface({ input });
  input.on('error', () => lines.close());
  for await (const line of lines) {
    if (line.startsWith('inotify wd:')) count++;
    if (count >= mostCounted) break;
  }
  input.destroy();
  return count;
};
