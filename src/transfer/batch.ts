import { type Change, packChanges, unpackChanges } from '../core/change.js';
import type { TargetLocation } from '../core/target.js';
import { type BuiltLists, loadAddon } from '../native/addon.js';
import { untilConnected } from './connections.js';
import { isolateFailures } from './isolate.js';
import type {
  DeleteMethod,
  StuckPath,
  TransferOutcome,
  TransferProgress,
  TransferRequest,
  TransferStats,
} from './messages.js';
import type { RsyncCall } from './rsync-args.js';
import type { RsyncRun } from './rsync-child.js';
import { type RsyncFailed, type RsyncVerdict, verdictOf } from './rsync-exit.js';
import { type ListRunner, runRsync } from './run-rsync.js';
import { openSourceRoot, type SourceRoot, sourceUnreadable } from './source-root.js';
import type { Standbys } from './standby.js';

/** Where a batch runs. */
export interface BatchContext {
  readonly env: NodeJS.ProcessEnv;
  readonly standbys: Standbys;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: TransferProgress) => void;
}
interface Surroundings extends BatchContext {
  readonly root: SourceRoot;
}

/** Sends one batch: looks at the source, builds the lists, runs rsync for each. Never rejects for what rsync does. */
export const sendBatch = async (
  request: TransferRequest,
  context: BatchContext,
): Promise<TransferOutcome> => {
  const root = openSourceRoot(request.source, request.identity);
  if (!('fd' in root)) return { result: 'source-changed', failure: root };
  try {
    const { rules, changes, bigFileBytes, batchBytes, crowded } = request;
    const deleteMethod = deleteMethodOf(request);
    const limits = { deleteMethod, bigFileBytes, batchBytes, crowded };
    const options = { rootFd: root.fd, rules, changes, ...limits };
    const lists = await loadAddon().buildLists(options).catch(sourceUnreadable);
    return 'code' in lists
      ? { result: 'source-changed', failure: lists }
      : await sendLists(request, lists, { root, ...context });
  } finally {
    root.close();
  }
};

/** Holding deletes is doing without them for this once. */
const deleteMethodOf = ({ deleteMethod, holdDeletes }: TransferRequest): DeleteMethod =>
  holdDeletes ? 'none' : deleteMethod;

const sendLists = async (
  request: TransferRequest,
  lists: BuiltLists,
  surroundings: Surroundings,
): Promise<TransferOutcome> => {
  const sent: SentList[] = [];
  for (const [list, recursive] of [
    [lists.list, false],
    [lists.trees, true],
  ] as const) {
    if (list.length === 0) continue;
    const result = await sendList(request, list, recursive, surroundings);
    if ('result' in result) return result;
    sent.push(result);
  }
  return {
    result: 'acknowledge',
    stats: sumOf(sent.map(({ stats }) => stats)),
    big: lists.big,
    deferred: Buffer.concat([lists.deferred, packChanges(sent.flatMap(({ moved }) => moved))]),
    held: request.holdDeletes ? heldOf(request, lists) : nothing,
    stuck: [...tooLong(lists.tooLong), ...sent.flatMap(({ stuck }) => stuck)],
  };
};

/** Directories and subtrees were sent without their deletes, so they are due again as a whole. */
const heldOf = ({ changes }: TransferRequest, { gonePaths, deferred }: BuiltLists): Uint8Array => {
  const put = new Set(Array.from(unpackChanges(deferred), ({ path }) => path));
  const wide = [...unpackChanges(changes)].filter(({ kind, path }) => kind !== 'entry' && !put.has(path));
  return Buffer.concat([gonePaths, packChanges(wide)]);
};

const nothing = new Uint8Array();

const tooLong = (packed: Uint8Array): StuckPath[] =>
  Array.from(unpackChanges(packed), ({ path }) => ({
    path,
    kind: 'entry',
    code: 'PATH_TOO_LONG',
    text: "rsync can't carry paths of 4096 bytes and more",
  }));

/** A list that was delivered, but for what is stuck and what moved meanwhile. */
interface SentList {
  readonly stats: TransferStats;
  readonly stuck: readonly StuckPath[];
  readonly moved: readonly Change[];
}

const sendList = async (
  request: TransferRequest,
  list: Uint8Array,
  recursive: boolean,
  surroundings: Surroundings,
): Promise<SentList | TransferOutcome> => {
  const { target, rules } = request;
  const { root, env, signal, onProgress } = surroundings;
  const call = { target, rules, deleteMethod: deleteMethodOf(request), recursive, dryRun: false };
  const run: ListRunner = (part, { dryRun = false, onItem } = {}) =>
    untilConnected(target.name, surroundings, () =>
      runRsync({ ...call, dryRun }, { rootFd: root.fd, list: part, env, signal, onItem, onProgress }),
    );
  const first = await runFirst(request, call, list, surroundings, run);
  const verdict = verdictOf(first);
  if (verdict.verdict === 'acknowledge') return { stats: sumOf([statsOf(first)]), stuck: [], moved: [] };
  if (verdict.verdict !== 'isolate') return failedOutcome(verdict, request);
  const from = { source: root.path, target: pathOf(target.location) };
  const { runs, stuck, moved, failure } = await isolateFailures(first, list, { run, from, recursive });
  return failure === undefined
    ? { stats: sumOf([first, ...runs].map(statsOf)), stuck, moved }
    : failedOutcome(failure, request);
};

/** The target's path in the words of its rsync. */
const pathOf = (location: TargetLocation): string => {
  const path = location.type === 'daemon' ? location.path && `/${location.path}` : location.path;
  return Buffer.from(path, 'utf8').toString('latin1');
};

/** By the standby if one waits, otherwise, and when the standby failed, by an rsync of its own. */
const runFirst = async (
  { target, identity }: TransferRequest,
  call: RsyncCall,
  list: Uint8Array,
  { root, signal, onProgress, standbys }: Surroundings,
  run: ListRunner,
): Promise<RsyncRun> => {
  if (call.recursive || target.standby === 'off') return run(list);
  const purpose = { call, identity };
  const warm = await standbys.run(purpose, list, { signal, onProgress });
  const last = warm !== undefined && isMeant(verdictOf(warm)) ? warm : await run(list);
  if (verdictOf(last).verdict === 'acknowledge') standbys.prepare(purpose, root.fd, list.length);
  return last;
};

/** Whether the end of a standby's run is about its list; otherwise it may have been dead before it got one. */
const isMeant = ({ verdict }: RsyncVerdict): boolean =>
  verdict === 'acknowledge' || verdict === 'isolate' || verdict === 'cancelled';

const failedOutcome = (verdict: RsyncFailed, { changes }: TransferRequest): TransferOutcome => {
  if (verdict.verdict === 'cancelled') return { result: 'cancelled' };
  if (verdict.verdict !== 'restate') return { result: verdict.verdict, failure: verdict.failure };
  // Nothing is known to have arrived: the whole batch is looked at again.
  return {
    result: 'acknowledge',
    stats: sumOf([]),
    big: nothing,
    deferred: changes,
    held: nothing,
    stuck: [],
  };
};

const statsOf = ({ report, durationMs }: RsyncRun): TransferStats => ({
  files: report.files,
  sentBytes: report.sentBytes,
  literalBytes: report.literalBytes,
  deleted: report.deleted,
  durationMs,
});

const sumOf = (all: readonly TransferStats[]): TransferStats => {
  const sum = { files: 0, sentBytes: 0, literalBytes: 0, deleted: 0, durationMs: 0 };
  for (const stats of all)
    for (const key of Object.keys(sum) as (keyof TransferStats)[]) sum[key] += stats[key];
  return sum;
};
