import { randomUUID } from 'node:crypto';
import { closeSync, constants, openSync } from 'node:fs';
import type { BatchContext } from './batch.js';
import { untilConnected } from './connections.js';
import type { DeleteMethod, ProbeOutcome, ProbeRequest } from './messages.js';
import { verdictOf } from './rsync-exit.js';
import { runRsync } from './run-rsync.js';
import { sourceUnreadable } from './source-root.js';

/**
 * Finds out how a target deletes by a dry run with a path that is missing together with its parent: receivers refuse
 * it (deletes must go through the parent directory) or take it. Versions tell nothing: distributions backport the fault.
 * A target that can't be reached or written to is told likewise. Changes nothing at the target.
 */
export const probeTarget = async (
  { target, source, deletes }: ProbeRequest,
  { env, signal, standbys }: Pick<BatchContext, 'env' | 'signal' | 'standbys'>,
): Promise<ProbeOutcome> => {
  let rootFd: number;
  try {
    rootFd = openSync(Buffer.from(source, 'latin1'), constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    return { result: 'retry', failure: sourceUnreadable(error) };
  }
  try {
    const missing = Buffer.from(`./.imgsync-fast-${randomUUID()}/probe\0`, 'latin1');
    const wanted: DeleteMethod = deletes ? 'missing-args' : 'none';
    const list = deletes ? missing : new Uint8Array();
    const call = {
      target,
      rules: [],
      kept: [],
      deleteMethod: wanted,
      maxDelete: Number.POSITIVE_INFINITY,
      recursive: false,
      dryRun: true,
    };
    const run = await untilConnected(target.name, { standbys, signal }, () =>
      runRsync(call, { rootFd, list, env, signal }),
    );
    const verdict = verdictOf(run);
    switch (verdict.verdict) {
      case 'acknowledge':
      case 'isolate':
      // A 3.1.3 daemon: it takes missing paths as long as their parent exists, which the lists take care of.
      case 'restate':
        return { result: 'ready', deleteMethod: wanted };
      case 'delete-method':
        return { result: 'ready', deleteMethod: 'parent-directory' };
      case 'cancelled':
        return { result: 'cancelled' };
      default:
        return { result: verdict.verdict, failure: verdict.failure };
    }
  } finally {
    closeSync(rootFd);
  }
};
