import { setTimeout as pause } from 'node:timers/promises';
import type { RsyncRun } from './rsync-child.js';
import { verdictOf } from './rsync-exit.js';
import type { Standbys } from './standby.js';

/** Pauses before a connection is asked for again, ms. */
const pausesMs = [20, 40, 80, 160, 320];

/**
 * Runs an rsync. Where the target has no connection left for it, one of our own may have the last: a standby, which is
 * ended then and for good, or an rsync that just ended, for a daemon frees its slot some 20 ms after the client has gone.
 * So it is run again for a moment before a refusal counts.
 */
export const untilConnected = async (
  target: string,
  { standbys, signal }: { readonly standbys: Standbys; readonly signal: AbortSignal },
  run: () => Promise<RsyncRun>,
): Promise<RsyncRun> => {
  for (const pauseMs of pausesMs) {
    const ended = await run();
    if (!isCrowded(ended) || signal.aborted) return ended;
    await standbys.giveUp(target);
    await pause(pauseMs);
  }
  return run();
};

const isCrowded = (run: RsyncRun): boolean => {
  const verdict = verdictOf(run);
  return 'failure' in verdict && verdict.failure.code === 'MAX_CONNECTIONS';
};
