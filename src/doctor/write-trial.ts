import { setTimeout as pause } from 'node:timers/promises';
import type { Target } from '../core/target.js';
import { destinationOf } from '../transfer/rsync-args.js';
import { judgeClock } from './clock.js';
import { type Finding, fail, ok, warn } from './finding.js';
import type { ProgramEnd } from './program.js';
import { faultOf, longestTimeout, parseList, TrialFile } from './trial-file.js';

export interface WriteTrialOptions {
  readonly source: string;
  /** False: nothing is written, for another process sends there. */
  readonly mayWrite: boolean;
  readonly signal: AbortSignal;
  readonly tell: (finding: Finding) => void;
}

/** Tries while the connections of a target are in use, and the pause between them, ms. */
const mostTries = 10;
const pauseMs = 50;

/**
 * Looks whether the target's directory is there and takes a file, and what time it is there. The file is written only
 * where a dry run told that it can be removed again.
 */
export const tryToWrite = async (target: Target, options: WriteTrialOptions): Promise<void> => {
  const trial = new TrialFile(target, options.signal);
  try {
    await runTrial(target, trial, options);
  } finally {
    trial.close();
  }
};

const runTrial = async (
  target: Target,
  trial: TrialFile,
  { source, mayWrite, tell }: WriteTrialOptions,
): Promise<void> => {
  const before = await untilFree(() => trial.list());
  tellTimeout(before.stdout, tell);
  if (isMissing(before)) return tell(await missingFinding(target, trial));
  if (!mayWrite) return;
  const refusal = faultOf(await untilFree(() => trial.remove(true)));
  if (refusal !== undefined)
    return tell(ok('write', `nothing was written, for it could not be removed again: ${refusal.text}`));
  const startedAt = Date.now();
  const fault = faultOf(await untilFree(() => trial.write()));
  const endedAt = Date.now();
  const file = trial.foundIn(parseList((await untilFree(() => trial.list())).stdout));
  const left = faultOf(await untilFree(() => trial.remove(false)));
  if (fault !== undefined) tell(fail('write', fault.text, fault.hint));
  else if (left !== undefined)
    tell(warn('write', `a file was written, but not removed: ${left.text}`, left.hint));
  else tell(ok('write', 'a file was written and removed again'));
  if (file !== undefined && target.location.type !== 'local')
    tell(judgeClock(file.mtimeSeconds, startedAt, endedAt));
  if (fault !== undefined || !setsTimes(target)) return;
  // What was written and removed left its mark on the directory.
  const times = faultOf(await untilFree(() => trial.setTime(source)));
  if (times !== undefined)
    tell(warn('directory', times.text, "give the target's directory to the user that receives there"));
};

/** Whether batches set the times of the target's directory. */
const setsTimes = ({ rsync }: Target): boolean =>
  !rsync.args.some((arg) => /^(?:-\w*O|--omit-dir-times$|--no-implied-dirs$)/.test(arg));

/** A daemon frees the slot of a connection a moment after its client has gone. */
const untilFree = async (run: () => Promise<ProgramEnd>): Promise<ProgramEnd> => {
  for (let tries = 1; ; tries++) {
    const end = await run();
    if (tries === mostTries || !/max connections .* reached/.test(end.stderr)) return end;
    await pause(pauseMs);
  }
};

const tellTimeout = (stdout: string, tell: (finding: Finding) => void): void => {
  const [, seconds] = /--timeout=(\d+) to match server/.exec(stdout) ?? [];
  if (seconds !== undefined)
    tell(
      warn(
        'timeout',
        `the module ends a connection on which nothing moves for ${seconds} s`,
        `take timeout out of rsyncd.conf, or set ${longestTimeout} or more`,
      ),
    );
};

const isMissing = ({ exitCode, stderr }: ProgramEnd): boolean =>
  exitCode !== 0 && /change_dir .* failed: No such file or directory/.test(stderr);

/** rsync makes the last directory of a path, and only that. */
const missingFinding = async (target: Target, trial: TrialFile): Promise<Finding> => {
  const { location } = target;
  const text = 'the directory is not there yet';
  const path = location.path.replace(/\/?[^/]*$/, '');
  const above = destinationOf({ ...target, location: { ...location, path } });
  return isMissing(await untilFree(() => trial.list(above)))
    ? fail(
        'directory',
        `${text}, and neither is the one above it`,
        'make it, or mount the disk that it is on',
      )
    : ok('directory', `${text}; the first batch makes it`);
};
