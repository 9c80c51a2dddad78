import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  type ConfigInput,
  createReplication,
  type Replication,
  type ReplicationOptions,
} from '../../src/index.js';
import { type RsyncDaemon, rsyncDaemons } from './rsync-daemon.js';
import { atEnd, type Scope } from './scope.js';
import { type Tree, tempDirectory, tempTree } from './temp-tree.js';

/** The compiled library, for programs of their own. */
export const libraryUrl = new URL('../../src/index.js', import.meta.url);

/** A source, its targets and the configuration between them. */
export interface Setting {
  readonly source: Tree;
  readonly daemons: readonly RsyncDaemon[];
  readonly config: ConfigInput;
}

/** @param targets rsync daemons that are started, named `target-1` … */
export const setting = async (
  scope: Scope,
  targets: number,
  files: Readonly<Record<string, string>> = {},
): Promise<Setting> => {
  const source = tempTree(scope, files);
  const daemons = await rsyncDaemons(scope, targets);
  const config = {
    source: source.path,
    targets: daemons.map(({ url }, index) => ({ name: `target-${index + 1}`, url })),
    stateDir: tempDirectory(scope, 'state'),
    retry: { minMs: 100, maxMs: 500, haltedMs: 1_000 },
  };
  return { source, daemons, config };
};

/** A replication that stops with the scope. */
export const embedded = (
  scope: Scope,
  config: ConfigInput | string,
  options?: ReplicationOptions,
): Replication => {
  const replication = createReplication(config, options);
  atEnd(scope, () => replication.stop());
  return replication;
};

/**
 * Runs a program in a node of its own. @returns when it has ended by itself
 * @param wrap program and arguments that start it, such as `unshare`; none: node itself
 */
export const runProgram = async (
  scope: Scope,
  args: readonly string[],
  wrap: readonly string[] = [],
): Promise<{ readonly exitCode: number | null; readonly output: string; readonly errors: string }> => {
  const [command = '', ...rest] = [...wrap, process.execPath, ...args];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  atEnd(scope, () => child.kill('SIGKILL'));
  let [output, errors] = ['', ''];
  child.stdout.on('data', (bytes) => {
    output += String(bytes);
  });
  child.stderr.on('data', (bytes) => {
    errors += String(bytes);
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, output, errors };
};
