import type { Config } from '../config/config.js';
import { stateDirHolder } from '../store/state-lock.js';
import { type Finding, fail } from './finding.js';
import { examineHooks } from './hooks.js';
import { examineHost, examinePrograms, openFilesFinding } from './host.js';
import { examineInotify } from './inotify.js';
import { readMounts } from './mounts.js';
import { examineRunning, type RunningStatus } from './running.js';
import { examinePlace, scanSource } from './source.js';
import { examineStateDir } from './state-dir.js';
import { examineTarget } from './target.js';

export interface DoctorOptions {
  /** Ends it early. */
  readonly signal: AbortSignal;
  /** Asks the imgsync-fast that runs with this state directory for its status. Rejects when it does not answer. */
  readonly ask: (stateDir: string) => Promise<RunningStatus>;
  /** Told what takes long; `undefined`: nothing any more. */
  readonly progress: (word: string | undefined) => void;
}

/** Looks at all that a configuration needs. Changes nothing but for a moment: docs/doctor.md. */
export const examine = async (config: Config, options: DoctorOptions): Promise<Finding[]> => {
  const { source, targets, hooks, stateDir } = config;
  const { signal, ask, progress } = options;
  const host = examineHost();
  const calls = hooks.reduce((sum, { concurrency }) => sum + concurrency, 0);
  const running = await stateDirHolder(stateDir);
  const mounts = readMounts();
  // Without the addon nothing can be scanned or started.
  const hasAddon = host.every(({ check, level }) => check !== 'addon' || level === 'ok');
  progress(`looking at the directories of ${source} and at the targets …`);
  const ofTargets = Promise.all(
    hasAddon
      ? targets.map((target) => examineTarget(target, { config, isRunning: running !== undefined, signal }))
      : [],
  );
  const tree = hasAddon ? await scanned(config, running !== undefined) : undefined;
  const needs = { directories: tree?.directories ?? 0, targets: targets.length };
  const findings = [
    ...host,
    // A standby of each target comes beside the rsyncs that are counted.
    openFilesFinding(config.maxRsyncs + targets.length + calls),
    ...(await examinePrograms(targets, signal)),
    ...(tree?.findings ?? []),
    ...(hasAddon ? examinePlace(config, mounts) : []),
    ...(await examineInotify(tree?.directories, running)),
    ...(await examineStateDir(stateDir, needs, mounts)),
    ...(await examineRunning(running, () => ask(stateDir))),
    ...(await examineHooks(hooks, source, signal)),
    ...(await ofTargets).flat(),
  ];
  progress(undefined);
  return findings;
};

interface Scanned {
  /** `undefined`: they could not be counted. */
  readonly directories: number | undefined;
  readonly findings: readonly Finding[];
}

const scanned = (config: Config, isGentle: boolean): Promise<Scanned> =>
  scanSource(config, isGentle).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    const text = `${config.source} can not be scanned: ${reason}`;
    const findings = [fail('source', text, 'is it mounted, and may this user read it?')];
    return { directories: undefined, findings };
  });
