import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { runMarker } from './pool.js';

/** Pause between two looks whether the killed are gone, ms. */
const pollMs = 10;

/**
 * Kills the rsyncs (and their remote shells) that an earlier process with the same run id left behind when it was
 * killed, and waits until they are gone. Left alone, one could rename an older content over a newer one that a later
 * batch delivered. The caller makes sure that no other process works with this run id.
 * @returns how many were killed
 */
export const endOrphans = async (runId: string): Promise<number> => {
  const killed: number[] = [];
  for (const pid of await processesOf(runId)) {
    try {
      process.kill(pid, 'SIGKILL');
      killed.push(pid);
    } catch {
      // Gone by itself.
    }
  }
  for (const pid of killed) while (await carries(pid, runId)) await delay(pollMs);
  return killed.length;
};

const processesOf = async (runId: string): Promise<number[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map((pid) => carries(pid, runId)));
  return pids.filter((pid, index) => found[index] && pid !== process.pid);
};

/** Whether the process lives and has the marker in its environment. One that has ended has none any more. */
const carries = async (pid: number, runId: string): Promise<boolean> => {
  try {
    const environment = await readFile(`/proc/${pid}/environ`, 'latin1');
    return environment.split('\0').includes(`${runMarker}=${runId}`);
  } catch {
    return false;
  }
};
