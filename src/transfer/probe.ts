import { randomUUID } from 'node:crypto';
import { closeSync, constants, mkdtempSync, openSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FilterRule } from '../core/target.js';
import type { BatchContext } from './batch.js';
import { untilConnected } from './connections.js';
import type { DeleteMethod, ProbeOutcome, ProbeRequest } from './messages.js';
import { verdictOf } from './rsync-exit.js';
import { runRsync } from './run-rsync.js';
import { sourceUnreadable } from './source-root.js';

type Surroundings = Pick<BatchContext, 'env' | 'signal' | 'standbys'>;

/**
 * Finds out how a target deletes by a dry run with a path that is missing together with its parent: receivers refuse
 * it (deletes must go through the parent directory) or take it. Versions tell nothing: distributions backport the fault.
 * A target that can't be reached or written to is told likewise. Changes nothing at the target.
 */
export const probeTarget = async (
  { target, source, deletes, looksForEntries }: ProbeRequest,
  { env, signal, standbys }: Surroundings,
): Promise<ProbeOutcome> => {
  let rootFd: number;
  try {
    rootFd = openDirectory(Buffer.from(source, 'latin1'));
  } catch (error) {
    return { result: 'retry', failure: sourceUnreadable(error) };
  }
  const look = async (fd: number, list: Uint8Array, rules: readonly FilterRule[], maxDelete: number) => {
    const deleteMethod: DeleteMethod = deletes ? 'missing-args' : 'none';
    const call = {
      target,
      rules,
      kept: [],
      deleteMethod,
      maxDelete,
      recursive: false,
      dryRun: true,
      compare: 'quick' as const,
    };
    return untilConnected(target.name, { standbys, signal }, () =>
      runRsync(call, { rootFd: fd, list, env, signal }),
    );
  };
  /** An empty directory in the place of the source: whatever the target holds would be deleted; one is enough to know. */
  const isEmpty = async (rules: readonly FilterRule[]): Promise<boolean> => {
    const nothing = mkdtempSync(join(tmpdir(), 'imgsync-fast-'));
    const fd = openDirectory(nothing);
    try {
      const run = await look(fd, Buffer.from('./\0'), rules, 1);
      return verdictOf(run).verdict === 'acknowledge' && run.report.deleted === 0;
    } finally {
      closeSync(fd);
      rmdirSync(nothing);
    }
  };
  const ready = async (deleteMethod: DeleteMethod): Promise<ProbeOutcome> => ({
    result: 'ready',
    deleteMethod,
    isEmpty: deletes && looksForEntries !== undefined && (await isEmpty(looksForEntries)),
  });
  try {
    const missing = Buffer.from(`./.imgsync-fast-${randomUUID()}/probe\0`, 'latin1');
    const run = await look(rootFd, deletes ? missing : new Uint8Array(), [], Number.POSITIVE_INFINITY);
    const verdict = verdictOf(run);
    switch (verdict.verdict) {
      case 'acknowledge':
      case 'isolate':
      // A 3.1.3 daemon: it takes missing paths as long as their parent exists, which the lists take care of.
      case 'restate':
        return await ready(deletes ? 'missing-args' : 'none');
      case 'delete-method':
        return await ready('parent-directory');
      case 'cancelled':
        return { result: 'cancelled' };
      default:
        return { result: verdict.verdict, failure: verdict.failure };
    }
  } finally {
    closeSync(rootFd);
  }
};

const openDirectory = (path: string | Buffer): number =>
  openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
