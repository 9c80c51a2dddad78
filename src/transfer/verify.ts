import { loadAddon } from '../native/addon.js';
import type { BatchContext } from './batch.js';
import type { Difference, VerifyOutcome, VerifyRequest } from './messages.js';
import { verdictOf } from './rsync-exit.js';
import { runRsync } from './run-rsync.js';
import { openSourceRoot, sourceUnreadable } from './source-root.js';
import { Strays } from './strays.js';

/** More differences than this are not gathered. */
const maxDifferences = 100_000;

/** Compares by a dry run of rsync. Never rejects for what rsync does. */
export const verifyTarget = async (
  request: VerifyRequest,
  { env, signal, onProgress }: BatchContext,
): Promise<VerifyOutcome> => {
  const { target, rules, kept, deleteMethod, changes, compare } = request;
  const root = openSourceRoot(request.source, request.identity);
  if (!('fd' in root)) return { result: 'failed', failure: root };
  try {
    const lists = await loadAddon()
      .buildLists({
        rootFd: root.fd,
        rules,
        changes,
        deleteMethod,
        bigFileBytes: Number.POSITIVE_INFINITY,
        batchBytes: Number.POSITIVE_INFINITY,
      })
      .catch(sourceUnreadable);
    if ('code' in lists) return { result: 'failed', failure: lists };
    const differences: Difference[] = [];
    let isCut = false;
    let compared = 0;
    const strays = new Strays(root.fd);
    for (const [list, recursive] of [
      [Buffer.concat([lists.list, lists.checked]), false],
      [lists.trees, true],
    ] as const) {
      if (list.length === 0) continue;
      const call = { target, rules, kept, deleteMethod, recursive, compare, dryRun: true, tellsSame: true };
      const run = await runRsync(
        { ...call, maxDelete: Number.POSITIVE_INFINITY },
        {
          rootFd: root.fd,
          list,
          env,
          signal,
          strays: strays.detector({ isDry: true }),
          onProgress: () => onProgress({ files: compared, sentBytes: 0 }),
          onItem: ({ what, path }) => {
            if (what !== '*deleting') compared++;
            if (isSame(what)) return;
            isCut ||= differences.length >= maxDifferences;
            if (!isCut) differences.push({ what, path });
          },
        },
      );
      const verdict = verdictOf(run);
      if (verdict.verdict === 'cancelled') return { result: 'failed', failure: cancelled };
      // What could not be read, or moved meanwhile, was told; the rest was compared.
      if ('failure' in verdict) return { result: 'failed', failure: verdict.failure };
    }
    return { result: 'compared', differences, isCut };
  } finally {
    root.close();
  }
};

/** See `RsyncCall.tellsSame`. */
const isSame = (what: string): boolean => what.length === 2;

const cancelled = {
  code: 'CANCELLED',
  exitCode: undefined,
  text: 'the comparison was ended',
  hint: 'ask again',
};
