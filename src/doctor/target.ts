import { setMaxListeners } from 'node:events';
import { dirname } from 'node:path';
import type { Config } from '../config/config.js';
import type { Target } from '../core/target.js';
import { prepareToStart } from '../transfer/child-process.js';
import { probeTarget } from '../transfer/probe.js';
import { rsyncEnvironment } from '../transfer/rsync-environment.js';
import { Standbys } from '../transfer/standby.js';
import { type Finding, fail, ok, warn } from './finding.js';
import { judgeSpace, spaceAt } from './space.js';
import { examineConnections, greet, isDirect } from './target-daemon.js';
import { examineLogin } from './target-ssh.js';
import { tryToWrite } from './write-trial.js';

export interface TargetOptions {
  readonly config: Config;
  /** Whether an imgsync-fast replicates with this configuration: then nothing is written and no connection taken away. */
  readonly isRunning: boolean;
  readonly signal: AbortSignal;
}

/** After this time a target that still does not answer is left alone, ms. */
const limitMs = 90_000;
/** Waiting longer than this for a single answer tells nothing more, s. */
const mostSeconds = 15;
/** Beside the batches: a big file, a standby, and one that just ended. */
const connectionsBeside = 3;

/** What can be told of one target. Never rejects, and comes to an end whatever the target does. */
export const examineTarget = async (target: Target, options: TargetOptions): Promise<Finding[]> => {
  const findings: Finding[] = [];
  const cut = new AbortController();
  // Each connection listens, one after the other and several at a time.
  setMaxListeners(0, cut.signal);
  const tell = (finding: Finding): void => {
    if (!cut.signal.aborted) findings.push(finding);
  };
  const onAbort = () => cut.abort();
  options.signal.addEventListener('abort', onAbort, { once: true });
  if (options.signal.aborted) onAbort();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      tell(fail('time', `nothing more was told within ${limitMs / 1_000} s`, 'is the target frozen?'));
      cut.abort();
      resolve();
    }, limitMs);
  });
  const examined = examine(quick(target), { ...options, signal: cut.signal }, tell).catch(
    (error: unknown) => {
      const text = error instanceof Error ? error.message : String(error);
      tell(fail('examination', text, 'please report this'));
    },
  );
  await Promise.race([examined, late]);
  clearTimeout(timer);
  options.signal.removeEventListener('abort', onAbort);
  return findings.map((finding) => ({ ...finding, target: target.name }));
};

const quick = (target: Target): Target => {
  const { timeoutSeconds } = target.rsync;
  const seconds = timeoutSeconds === 0 ? mostSeconds : Math.min(timeoutSeconds, mostSeconds);
  return { ...target, rsync: { ...target.rsync, timeoutSeconds: seconds } };
};

const examine = async (
  target: Target,
  { config, isRunning, signal }: TargetOptions,
  tell: (finding: Finding) => void,
): Promise<void> => {
  const { location } = target;
  const reached = await reach(target, signal);
  for (const finding of reached) tell(finding);
  if (reached.some(({ level }) => level === 'fail')) return;
  const dryRun = await probe(target, config, isRunning, signal);
  tell(dryRun);
  if (dryRun.level !== 'ok') return;
  await tryToWrite(target, { source: config.source, mayWrite: !isRunning, signal, tell });
  if (location.type === 'local') tell(await localSpace(location.path));
  if (location.type !== 'daemon') return;
  const wanted = config.batch.parallel + connectionsBeside;
  if (!isRunning && isDirect()) tell(await examineConnections(location, wanted, signal));
  tell(ok('space', 'not told by an rsync daemon: watch the disk at the target'));
};

const reach = async (target: Target, signal: AbortSignal): Promise<Finding[]> => {
  switch (target.location.type) {
    case 'daemon':
      return isDirect() ? [await greet(target.location, signal)] : [];
    case 'ssh':
      return examineLogin(target, signal);
    case 'local':
      return [];
  }
};

/** The dry run that replication itself begins with: login, module, options. */
const probe = async (
  target: Target,
  config: Config,
  isRunning: boolean,
  signal: AbortSignal,
): Promise<Finding> => {
  await prepareToStart();
  const env = rsyncEnvironment();
  const source = Buffer.from(config.source, 'utf8').toString('latin1');
  const deletes = config.delete.enabled;
  const outcome = await probeTarget(
    { target, source, deletes },
    { env, signal, standbys: new Standbys(env) },
  );
  switch (outcome.result) {
    case 'ready':
      return ok('dry run', `rsync is let in${deletes ? ', and may delete' : ''}`);
    case 'cancelled':
      return fail('dry run', 'it did not come to an end', 'is the target frozen?');
    default: {
      const { code, text, hint } = outcome.failure;
      // The connections may be in use by the one that runs.
      const judge = code === 'MAX_CONNECTIONS' && isRunning ? warn : fail;
      return judge('dry run', `${text} [${code}]`, hint);
    }
  }
};

const localSpace = async (path: string): Promise<Finding> =>
  judgeSpace('space', await spaceAt(path).catch(() => spaceAt(dirname(path))));
