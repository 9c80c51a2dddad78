import { closeSync, readlinkSync } from 'node:fs';
import { loadAddon } from '../native/addon.js';
import { escapeName, type ItemizedLine } from './itemized.js';
import { PathArguments } from './path-arguments.js';
import { type RsyncCall, rootOfArguments } from './rsync-args.js';
import { RsyncChild, type RsyncRun, type RunListener } from './rsync-child.js';

export interface RunOptions extends RunListener {
  /** Directory to run in: the source root, by its descriptor. */
  readonly rootFd: number;
  /** rsync's list, NUL after each path. */
  readonly list: Uint8Array;
  readonly env: NodeJS.ProcessEnv;
}

/** Runs rsync over a list; what else it needs is settled. */
export type ListRunner = (
  list: Uint8Array,
  options?: {
    readonly dryRun?: boolean;
    /** Whether directories of the list stand for all below them; by default as in the run that failed. */
    readonly recursive?: boolean;
    readonly onItem?: (line: ItemizedLine) => void;
  },
) => Promise<RsyncRun>;

const pathArguments = new PathArguments();

/** Runs rsync once and waits until it is gone. Never rejects for what rsync does. */
export const runRsync = async (call: RsyncCall, options: RunOptions): Promise<RsyncRun> => {
  const { list } = options;
  const paths = call.recursive || call.target.rsync.listsOnly === true ? undefined : pathArguments.of(list);
  if (paths === undefined) return runWithList(call, options);
  const run = await runWithArguments({ ...call, paths }, options);
  if (run.startError !== 'E2BIG') return run;
  pathArguments.refused(list);
  return runWithList(call, options);
};

/**
 * The list lies complete in a sealed anonymous file before rsync starts: a list cut short would be carried out as it
 * stands.
 */
const runWithList = async (
  call: RsyncCall,
  { rootFd, list, env, ...listener }: RunOptions,
): Promise<RsyncRun> => {
  const listFd = loadAddon().memoryFile(list);
  try {
    return await new RsyncChild(call, { rootFd, env, stdin: listFd }).follow(listener);
  } finally {
    closeSync(listFd);
  }
};

const runWithArguments = async (
  call: RsyncCall,
  { rootFd, list: _, env, ...listener }: RunOptions,
): Promise<RsyncRun> => {
  const run = await new RsyncChild(call, { rootFd, env, stdin: rootFd }).follow(listener);
  if (!run.stderr.includes(rootOfArguments)) return run;
  const root = escapeName(readlinkSync(`/proc/self/fd/${rootFd}`, 'latin1'));
  return { ...run, stderr: run.stderr.replaceAll(rootOfArguments, () => root) };
};
