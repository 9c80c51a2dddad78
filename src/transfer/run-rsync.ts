import { closeSync } from 'node:fs';
import { loadAddon } from '../native/addon.js';
import type { ItemizedLine } from './itemized.js';
import type { RsyncCall } from './rsync-args.js';
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
  options?: { readonly dryRun?: boolean; readonly onItem?: (line: ItemizedLine) => void },
) => Promise<RsyncRun>;

/**
 * Runs rsync once and waits until it is gone. The list lies complete in a sealed anonymous file before rsync starts: a
 * list cut short would be carried out as it stands. Never rejects for what rsync does.
 */
export const runRsync = async (
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
