import { readFileSync } from 'node:fs';
import { ReplicationError } from '../core/errors.js';
import type { Target } from '../core/target.js';
import { loadAddon } from '../native/addon.js';
import { rsyncEnvironment } from '../transfer/rsync-environment.js';
import { type Finding, fail, ok, warn } from './finding.js';
import { runProgram } from './program.js';
import { judgeVersion } from './rsync-version.js';

/** As in package.json. */
const leastNode = 20;
/** ms since the epoch; no clock that is right shows less. */
const someTimeAgo = Date.UTC(2024, 0, 1);

/** What holds for any configuration. */
export const examineHost = (): Finding[] => [nodeFinding(), addonFinding(), clockFinding()];

const nodeFinding = (): Finding => {
  const { node } = process.versions;
  return Number.parseInt(node, 10) < leastNode
    ? fail('node', `Node.js ${node} is too old`, `install Node.js ${leastNode} or newer`)
    : ok('node', `Node.js ${node}`);
};

const addonFinding = (): Finding => {
  try {
    loadAddon();
    return ok('addon', 'the native addon can be loaded');
  } catch (error) {
    if (!(error instanceof ReplicationError)) throw error;
    return fail('addon', error.message, error.hint);
  }
};

const clockFinding = (): Finding => {
  const text = new Date().toISOString();
  return Date.now() < someTimeAgo
    ? warn('clock', `this machine believes that it is ${text}`, 'set the clock: files get such times, too')
    : ok('clock', text);
};

/** Descriptors of one running rsync (its pipes, the list, the source root), and of all else. */
const filesEach = 8;
const filesBase = 256;

/** @param processes rsyncs and commands of hooks at most */
export const openFilesFinding = (processes: number): Finding => {
  const [, limit = ''] =
    /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
  const need = filesBase + filesEach * processes;
  // Node raises the soft limit to the hard one.
  return Number(limit) < need
    ? warn(
        'open files',
        `at most ${limit} from here, and ${need} may be needed`,
        `raise the hard limit: LimitNOFILE=${Math.max(65_536, need)} in the unit, or ulimit -Hn`,
      )
    : ok('open files', `at most ${limit} from here`);
};

/** Each rsync that the targets name, and ssh where it is wanted. */
export const examinePrograms = async (
  targets: readonly Target[],
  signal: AbortSignal,
): Promise<Finding[]> => {
  const env = rsyncEnvironment();
  const paths = [...new Set(targets.map(({ rsync }) => rsync.path))];
  const rsyncs = await Promise.all(
    paths.map(async (path) => {
      const check = path === 'rsync' ? 'rsync here' : `rsync here (${path})`;
      const end = await runProgram(path, ['--version'], { env, signal });
      const { startError, isLate, stdout, stderr } = end;
      if (startError !== undefined)
        return fail(
          check,
          `it can not be started: ${startError}`,
          'install rsync, or name its path in rsync.path',
        );
      if (isLate) return fail(check, 'it does not end', 'look at the program');
      const wantsFsync = targets.some(({ rsync }) => rsync.path === path && rsync.fsync === true);
      return judgeVersion(check, stdout === '' ? stderr : stdout, wantsFsync);
    }),
  );
  if (!targets.some(({ location }) => location.type === 'ssh')) return rsyncs;
  const { startError, stdout, stderr } = await runProgram('ssh', ['-V'], { env, signal });
  return [
    ...rsyncs,
    startError === undefined
      ? ok('ssh here', (stderr || stdout).trim())
      : fail('ssh here', `it can not be started: ${startError}`, 'install openssh-client'),
  ];
};
