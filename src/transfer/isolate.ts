import type { Change } from '../core/change.js';
import { ancestorsOf, asRelPath } from '../core/path.js';
import type { StuckPath } from './messages.js';
import { type NamedFrom, PathFaults } from './path-faults.js';
import type { RsyncRun } from './rsync-child.js';
import { type RsyncFailed, verdictOf } from './rsync-exit.js';
import type { ListRunner } from './run-rsync.js';

export interface IsolateOptions {
  /** Runs rsync over a list in the way of the run that failed. */
  readonly run: ListRunner;
  readonly from: NamedFrom;
  readonly recursive: boolean;
}

export interface Isolated {
  /** The runs that sent something. */
  readonly runs: readonly RsyncRun[];
  readonly stuck: readonly StuckPath[];
  /** What moved at the source while it was sent: to be looked at again. */
  readonly moved: readonly Change[];
  /** Set when a run failed as a whole meanwhile. */
  readonly failure?: RsyncFailed;
}

/**
 * Finds out which paths of a list failed (exit 23), after trying those once more by themselves. A dry run over the same
 * list names what still differs. Standard error gives the reasons, and names the few that a dry run does not list.
 */
export const isolateFailures = async (
  failed: RsyncRun,
  list: Uint8Array,
  options: IsolateOptions,
): Promise<Isolated> => {
  const { recursive } = options;
  const first = await findDiffering(list, [failed], options);
  if ('failure' in first) return failedWith(first.failure, []);
  const again = first.differing.map((path) => `./${path}`);
  // One path that can't be looked at makes rsync leave out every deletion of the call: so its directories go again.
  const { deletionsSkipped } = failed.report;
  if (deletionsSkipped) {
    const unlisted = new Set(first.unlisted);
    for (const path of first.directories)
      if (!unlisted.has(path)) again.push(recursive || path === '' ? `./${path}` : `./${path}/`);
  }
  if (again.length === 0) return { runs: [], ...sorted(first, first.unlisted, options) };

  const rest = Buffer.from(`${again.join('\0')}\0`, 'latin1');
  // The dry run named each path. As subtrees, directories that differ would bring all below them once more, each inside
  // of the next: in a tree 17 deep seven times the work.
  const secondOptions = { ...options, recursive: recursive && deletionsSkipped };
  const run = await options.run(rest, { recursive: secondOptions.recursive });
  const verdict = verdictOf(run);
  // Those above what went again came along with it.
  const cameAlong = firstBelow(listed(rest, false).all);
  const above = new Set([...first.above].filter((path) => !cameAlong.has(path)));
  if (verdict.verdict === 'acknowledge')
    return { runs: [run], ...sorted({ ...first, above }, first.unlisted, options) };
  if (verdict.verdict !== 'isolate') return failedWith(verdict, [run]);
  const second = await findDiffering(rest, [run, failed], secondOptions);
  if ('failure' in second) return failedWith(second.failure, [run]);
  for (const path of second.above) above.add(path);
  const { directories, all } = first;
  // Left out once more, and a dry run does not list them either: what is extra there is still there.
  const undeleted = run.report.deletionsSkipped ? directories : [];
  const unlisted = [...first.unlisted, ...second.unlisted, ...undeleted];
  const paths = [...second.differing, ...unlisted];
  return { runs: [run], ...sorted({ ...second, all, above, unlisted, directories }, paths, options) };
};

/** What a dry run tells of a list that failed in part. Paths are latin1. */
interface Differing {
  /** Paths that differ at the target and may be tried again: those of the list, and what lies below them. */
  readonly differing: readonly string[];
  /**
   * Directories that differ and only lie above what is listed. They must not be listed themselves: that would carry all
   * they hold, where others may be at work and where nothing was asked about deletes.
   */
  readonly above: ReadonlySet<string>;
  /** Paths that failed and that no dry run lists. */
  readonly unlisted: readonly string[];
  /** Paths of the list. */
  readonly all: readonly string[];
  /** Those of them that stand for what is in them as well. */
  readonly directories: ReadonlySet<string>;
  readonly faults: PathFaults;
}

const findDiffering = async (
  list: Uint8Array,
  runs: readonly RsyncRun[],
  { run, from, recursive }: IsolateOptions,
): Promise<Differing | Required<Pick<Isolated, 'failure'>>> => {
  const found = new Set<string>();
  const dry = await run(list, { dryRun: true, recursive, onItem: ({ path }) => found.add(path) });
  const verdict = verdictOf(dry);
  if (verdict.verdict !== 'acknowledge' && verdict.verdict !== 'isolate') return { failure: verdict };
  const faults = new PathFaults([...runs, dry].map(({ stderr }) => stderr).join('\n'), from);
  const { all, directories } = listed(list, recursive);
  const named = new Set(faults.unlisted);
  const listedOnes = new Set(all);
  const listedBelow = firstBelow(all);
  const differing: string[] = [];
  const above = new Set<string>();
  for (const path of found) {
    if (named.has(path)) continue;
    const isOfList = [path, ...ancestorsOf(asRelPath(path))].some((each) => listedOnes.has(each));
    if (!isOfList && listedBelow.has(path)) above.add(path);
    else differing.push(path);
  }
  // Something fails even in a dry run, and nothing tells what: then it may be any of them.
  const isUnexplained = verdict.verdict === 'isolate' && found.size === 0 && named.size === 0;
  return { differing, above, unlisted: isUnexplained ? all : [...named], all, directories, faults };
};

const failedWith = (failure: RsyncFailed, runs: readonly RsyncRun[]): Isolated => ({
  runs,
  stuck: [],
  moved: [],
  failure,
});

/** The first of the paths below each directory that lies above some of them. */
const firstBelow = (paths: readonly string[]): ReadonlyMap<string, string> => {
  const first = new Map<string, string>();
  for (const path of paths)
    for (const above of ancestorsOf(asRelPath(path))) {
      if (first.has(above)) break;
      first.set(above, path);
    }
  return first;
};

const sorted = (
  { all, above, directories, unlisted, faults }: Differing,
  paths: readonly string[],
  { recursive }: IsolateOptions,
): Pick<Isolated, 'stuck' | 'moved'> => {
  const whole = new Set(unlisted.filter((path) => directories.has(path)));
  const stuck: StuckPath[] = [];
  const moved: Change[] = [];
  for (const path of new Set(paths)) {
    const kind = !whole.has(path) ? 'entry' : recursive ? 'tree' : 'directory';
    const { code, text } = faults.of(path);
    if (code === 'SOURCE_MOVED') moved.push({ kind, path: asRelPath(path) });
    else stuck.push({ path, kind, code, text });
  }
  if (above.size === 0) return { stuck, moved };
  const stuckOnes = new Set(stuck.map(({ path }) => path));
  const bringing = firstBelow(all.filter((path) => !stuckOnes.has(path)));
  const alongWith = new Set<string>();
  for (const path of above) {
    const { code, text } = faults.of(path);
    const listedPath = bringing.get(path);
    if (faults.name(path) && code !== 'SOURCE_MOVED') stuck.push({ path, kind: 'entry', code, text });
    // It changed meanwhile, and any path below it takes it along: a stuck one when that is tried again.
    else if (listedPath !== undefined) alongWith.add(listedPath);
  }
  for (const path of alongWith) moved.push({ kind: 'entry', path: asRelPath(path) });
  return { stuck, moved };
};

const listed = (
  list: Uint8Array,
  recursive: boolean,
): { readonly all: string[]; readonly directories: Set<string> } => {
  const all: string[] = [];
  const directories = new Set<string>();
  for (const entry of Buffer.from(list).toString('latin1').split('\0')) {
    if (entry === '') continue;
    const path = entry.replace(/^\.\/|\/$/g, '');
    all.push(path);
    if (recursive || entry.endsWith('/')) directories.add(path);
  }
  return { all, directories };
};
