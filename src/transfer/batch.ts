import { type Change, isWide, packChanges, unpackChanges } from '../core/change.js';
import { ancestorsOf, asRelPath, type RelPath } from '../core/path.js';
import type { TargetLocation } from '../core/target.js';
import { type BuiltLists, loadAddon } from '../native/addon.js';
import type { Comparing } from './comparing.js';
import { untilConnected } from './connections.js';
import { isolateFailures } from './isolate.js';
import type { ItemizedLine } from './itemized.js';
import type {
  DeleteAnswer,
  DeleteMethod,
  DeleteQuestion,
  StuckPath,
  TransferFailure,
  TransferOutcome,
  TransferProgress,
  TransferRequest,
  TransferStats,
} from './messages.js';
import type { Compare, RsyncCall } from './rsync-args.js';
import type { RsyncRun } from './rsync-child.js';
import { type RsyncFailed, type RsyncVerdict, verdictOf } from './rsync-exit.js';
import { type ListRunner, runRsync } from './run-rsync.js';
import { openSourceRoot, type SourceRoot, sourceUnreadable } from './source-root.js';
import type { Standbys } from './standby.js';
import { Strays } from './strays.js';

/** Where a batch runs. */
export interface BatchContext {
  readonly env: NodeJS.ProcessEnv;
  readonly standbys: Standbys;
  readonly comparing: Comparing;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: TransferProgress) => void;
  /** Asks for leave to delete. */
  readonly askToDelete: (question: DeleteQuestion) => Promise<DeleteAnswer>;
}
interface Surroundings extends BatchContext {
  readonly root: SourceRoot;
  readonly quota: DeleteQuota;
  readonly strays: Strays;
}

/** What a batch may still delete, over all its runs of rsync. */
class DeleteQuota {
  deleted = 0;

  constructor(readonly mayDelete: number) {}

  get left(): number {
    return Math.max(0, this.mayDelete - this.deleted);
  }
}

/** Sends one batch: looks at the source, builds the lists, runs rsync for each. Never rejects for what rsync does. */
export const sendBatch = async (
  request: TransferRequest,
  context: BatchContext,
): Promise<TransferOutcome> => {
  const root = openSourceRoot(request.source, request.identity);
  if (!('fd' in root)) return { result: 'source-changed', failure: root };
  try {
    const lists = await buildLists(request, root);
    if ('code' in lists) return { result: 'source-changed', failure: lists };
    const around = { root, strays: new Strays(root.fd), ...context };
    const answer =
      deleteMethodOf(request) === 'none' ? unlimited : await context.askToDelete({ gone: lists.gonePaths });
    if (context.signal.aborted) return { result: 'cancelled' };
    if (answer === 'later') return { result: 'retry', failure: uncounted };
    if (answer !== 'hold')
      return await sendLists(request, lists, { quota: new DeleteQuota(answer.mayDelete), ...around });
    const holding = { ...request, holdDeletes: true };
    const kept = await buildLists(holding, root);
    return 'code' in kept
      ? { result: 'source-changed', failure: kept }
      : await sendLists(holding, kept, { quota: new DeleteQuota(0), ...around });
  } finally {
    root.close();
  }
};

const uncounted: TransferFailure = {
  code: 'SCAN_FAILED',
  exitCode: undefined,
  text: 'the losses of the source could not be counted before deleting',
  hint: 'check that the source can be read',
};

const unlimited = { mayDelete: Number.POSITIVE_INFINITY };

const buildLists = (request: TransferRequest, root: SourceRoot): Promise<BuiltLists | TransferFailure> => {
  const { rules, changes, checks, bigFileBytes, batchBytes, holdDeletes } = request;
  const deleteMethod = deleteMethodOf(request);
  // What is held is told path by path.
  const crowded = holdDeletes ? nothing : request.crowded;
  const options = {
    rootFd: root.fd,
    rules,
    changes,
    deleteMethod,
    checks,
    bigFileBytes,
    batchBytes,
    crowded,
  };
  return loadAddon().buildLists(options).catch(sourceUnreadable);
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
  for (const part of partsOf(lists, request)) {
    const result = await sendList(request, part, surroundings);
    if ('result' in result) return result;
    sent.push(result);
  }
  const held = request.holdDeletes ? await heldOf(request, lists, surroundings) : noneHeld;
  const remade = await remadeOf(request, lists, surroundings);
  if ('code' in remade) return { result: 'source-changed', failure: remade };
  return {
    result: 'acknowledge',
    stats: { ...sumOf(sent.map(({ stats }) => stats)), deleted: surroundings.quota.deleted },
    big: lists.big,
    deferred: Buffer.concat([
      lists.deferred,
      packChanges(sent.flatMap(({ moved }) => moved)),
      packChanges(remade),
    ]),
    ...held,
    wasLimited: false,
    directories: lists.entryDirectories,
    stuck: [...tooLong(lists.tooLong), ...sent.flatMap(({ stuck }) => stuck)],
  };
};

/**
 * The directories that stand where the lists found one gone or replaced. When rsync met them already, it did not delete
 * what the target had there, and their own change names only them.
 */
const remadeOf = async (
  request: TransferRequest,
  { gonePaths, replacedTrees }: BuiltLists,
  { root }: Surroundings,
): Promise<Change[] | TransferFailure> => {
  const changes = Buffer.concat([gonePaths, replacedTrees]);
  if (changes.length === 0 || deleteMethodOf(request) === 'none') return [];
  // Without deletes only what exists is listed.
  const looked = { ...request, changes, crowded: nothing, deleteMethod: 'none' as const };
  const lists = await buildLists(looked, root);
  if ('code' in lists) return lists;
  return Array.from(unpackChanges(lists.entryDirectories), ({ path }) => ({ kind: 'tree', path }));
};

interface Part {
  readonly list: Uint8Array;
  readonly recursive: boolean;
  readonly compare: Compare;
}

/** What one run of rsync each carries. */
const partsOf = (
  { list, checked, trees, whole, sizeBytes }: BuiltLists,
  { treesBy, target }: TransferRequest,
): Part[] => {
  // Comparing so little by content costs less than another run, or than a start of rsync: standbys compare so.
  const isSmall = whole === 0 && sizeBytes <= smallBytes && list.length + checked.length <= smallListBytes;
  const joins = isSmall && (checked.length > 0 || target.standby !== 'off');
  const parts: Part[] = [
    {
      list: joins ? Buffer.concat([list, checked]) : list,
      recursive: false,
      compare: joins ? 'checksum' : 'quick',
    },
    { list: joins ? nothing : checked, recursive: false, compare: 'checksum' },
    { list: trees, recursive: true, compare: treesBy },
  ];
  return parts.filter((part) => part.list.length > 0);
};

const smallBytes = 16 * 1024 ** 2;
const smallListBytes = 32 * 1024;
const nothing = new Uint8Array();

type Held = Pick<Extract<TransferOutcome, { result: 'acknowledge' }>, 'held' | 'heldEntries'>;
const noneHeld: Held = { held: nothing, heldEntries: [] };

/** Directories and gone paths were sent without their deletes: a dry run tells which they would have been. */
const heldOf = async (
  request: TransferRequest,
  { gonePaths, deferred }: BuiltLists,
  { root, env, signal, strays }: Surroundings,
): Promise<Held> => {
  const { changes, target, rules, kept, deleteMethod } = request;
  if (deleteMethod === 'none') return noneHeld;
  const put = new Set(Array.from(unpackChanges(deferred), ({ path }) => path));
  const wide = [...unpackChanges(changes)].filter(({ kind, path }) => isWide(kind) && !put.has(path));
  const due = Buffer.concat([gonePaths, packChanges(wide)]);
  if (due.length === 0) return noneHeld;
  const undecided = { held: due, heldEntries: Array.from(unpackChanges(due), () => 1) };
  const lists = await buildLists({ ...request, changes: due, crowded: nothing, holdDeletes: false }, root);
  if ('code' in lists) return undecided;
  const deleted = new Set<RelPath>();
  const onItem = ({ what, path }: ItemizedLine): void => {
    if (what === '*deleting') deleted.add(asRelPath(path));
  };
  for (const [list, recursive] of [
    [lists.list, false],
    [lists.trees, true],
  ] as const) {
    if (list.length === 0) continue;
    const maxDelete = Number.POSITIVE_INFINITY;
    const call = {
      target,
      rules,
      kept,
      deleteMethod,
      maxDelete,
      recursive,
      dryRun: true,
      compare: 'quick' as const,
    };
    const run = await runRsync(call, {
      rootFd: root.fd,
      list,
      env,
      signal,
      onItem,
      strays: strays.detector({ isDry: true }),
    });
    if (verdictOf(run).verdict !== 'acknowledge') return undecided;
  }
  const entries = new Map<RelPath, number>();
  for (const path of deleted) {
    const topmost = [...ancestorsOf(path)].findLast((above) => deleted.has(above)) ?? path;
    entries.set(topmost, (entries.get(topmost) ?? 0) + 1);
  }
  return {
    held: packChanges(Array.from(entries.keys(), (path) => ({ kind: 'entry', path }))),
    heldEntries: [...entries.values()],
  };
};

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
  part: Part,
  surroundings: Surroundings,
): Promise<SentList | TransferOutcome> => {
  const { target, rules, kept } = request;
  const { root, env, signal, onProgress, quota, strays, comparing } = surroundings;
  const { list, recursive } = part;
  const call = { target, rules, kept, deleteMethod: deleteMethodOf(request), recursive, dryRun: false };
  const run: ListRunner = async (listed, { dryRun = false, recursive = part.recursive, onItem } = {}) => {
    const maxDelete = dryRun ? Number.POSITIVE_INFINITY : quota.left;
    const start = () =>
      runRsync(
        { ...call, maxDelete, dryRun, recursive, compare: comparing.of(target.name, part.compare, dryRun) },
        {
          rootFd: root.fd,
          list: listed,
          env,
          signal,
          onItem,
          strays: strays.detector({ isDry: dryRun }),
          onProgress,
        },
      );
    const ended = await comparing.run(target.name, () => untilConnected(target.name, surroundings, start));
    if (!dryRun) quota.deleted += ended.report.deleted;
    return ended;
  };
  const compare = comparing.of(target.name, 'checksum', false);
  const warm = { ...call, maxDelete: quota.left, compare };
  const first = await runFirst(request, warm, part, surroundings, run);
  if (wasLimited(first) && first.endedFor !== 'stray') return lookAgain(request, first, quota);
  const verdict = verdictOf(first);
  if (verdict.verdict === 'acknowledge') return { stats: sumOf([statsOf(first)]), stuck: [], moved: [] };
  if (verdict.verdict !== 'isolate') return failedOutcome(verdict, request, surroundings);
  const from = { source: root.path, target: pathOf(target.location) };
  const { runs, stuck, moved, failure } = await isolateFailures(first, list, { run, from, recursive });
  return failure === undefined
    ? { stats: sumOf([first, ...runs].map(statsOf)), stuck, moved }
    : failedOutcome(failure, request, surroundings);
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
  { list, recursive, compare }: Part,
  { root, signal, onProgress, standbys, quota, strays }: Surroundings,
  run: ListRunner,
): Promise<RsyncRun> => {
  if (recursive || target.standby === 'off') return run(list);
  // It is started before its list is known, so what it may delete is always the same.
  const maxDelete = Number.isFinite(call.maxDelete) ? standbyDeletes : call.maxDelete;
  const purpose = { call: { ...call, maxDelete }, identity };
  const mayServe = compare === 'checksum' && (call.deleteMethod === 'none' || maxDelete <= quota.left);
  const listener = { signal, strays: strays.detector({ isDry: false }), onProgress };
  const warm = mayServe ? await standbys.run(purpose, list, listener) : undefined;
  quota.deleted += warm?.report.deleted ?? 0;
  const last = warm !== undefined && isMeant(verdictOf(warm)) && !wasLimited(warm) ? warm : await run(list);
  if (verdictOf(last).verdict === 'acknowledge')
    standbys.prepare(purpose, root.fd, { listBytes: list.length, durationMs: last.durationMs });
  return last;
};

/** Entries that a standby deletes at most; where more are to go, or fewer may, an rsync of its own is taken. */
const standbyDeletes = 64;

/** Whether rsync left deletes out because of `--max-delete`. */
const wasLimited = ({ stderr }: RsyncRun): boolean => stderr.includes('--max-delete limit');

/** Whether the end of a standby's run is about its list; otherwise it may have been dead before it got one. */
const isMeant = ({ verdict }: RsyncVerdict): boolean =>
  verdict === 'acknowledge' || verdict === 'isolate' || verdict === 'cancelled';

const failedOutcome = (
  verdict: RsyncFailed,
  { changes }: TransferRequest,
  { quota: { deleted }, strays }: Surroundings,
): TransferOutcome => {
  if (verdict.verdict === 'cancelled') return { result: 'cancelled', deleted };
  if (verdict.verdict !== 'restate') return { result: verdict.verdict, failure: verdict.failure, deleted };
  // Nothing is known to have arrived: the whole batch is looked at again.
  const deferred = Buffer.concat([changes, packChanges(strays.landed(unpackChanges(changes)))]);
  return { ...lookedAtAgain, stats: { ...sumOf([]), deleted }, deferred };
};

/** What may go is gone; the whole batch is looked at again. */
const lookAgain = (
  { changes }: TransferRequest,
  run: RsyncRun,
  { deleted }: DeleteQuota,
): TransferOutcome => ({
  ...lookedAtAgain,
  stats: { ...statsOf(run), deleted },
  deferred: changes,
  wasLimited: true,
});

const lookedAtAgain = {
  result: 'acknowledge',
  big: nothing,
  ...noneHeld,
  wasLimited: false,
  directories: nothing,
  stuck: [],
} as const;

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
