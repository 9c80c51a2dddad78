import assert from 'node:assert/strict';
import type { ConfigInput } from '../../src/index.js';
import { embedded } from './embedded.js';
import { type RsyncDaemon, rsyncDaemons } from './rsync-daemon.js';
import type { Scope } from './scope.js';
import { tempDirectory, tempTree } from './temp-tree.js';

export interface AsShown {
  /** What people are shown as their configuration. */
  readonly config: ConfigInput;
  /** What they are shown as that of each daemon. @param path what the daemon serves here */
  readonly conf: (path: string) => string;
  readonly module: string;
  /** What is in the source: relative path -> content, and `a/link` to `cat.jpg` beside it. */
  readonly files: Readonly<Record<string, string>>;
}

/** Replicates with configurations that people are shown, but for the places. @returns daemons that have it all */
export const replicateAsShown = async (
  scope: Scope,
  { config, conf, module, files }: AsShown,
): Promise<readonly RsyncDaemon[]> => {
  const source = tempTree(scope, files);
  source.link('a/link', 'cat.jpg');
  const daemons = await rsyncDaemons(scope, config.targets.length, { module });
  for (const daemon of daemons) daemon.configure(() => conf(daemon.path));
  const { failLog: _, ...rest } = config;
  const replication = embedded(scope, {
    ...rest,
    source: source.path,
    stateDir: tempDirectory(scope, 'state'),
    targets: daemons.map(({ url }) => url),
  });
  await replication.start();
  const { targets } = await replication.settled();
  assert.equal(targets.length, daemons.length);
  return daemons;
};
