import type { Logger } from '../core/logger.js';
import { displayPath } from '../core/path.js';
import { attemptOf, type ReplicaState } from '../replicate/machine.js';
import type { ReplicatorObserver } from '../replicate/replicator.js';
import type { FailLog, FailLogEntry } from './fail-log.js';

/** Writes what happens to one target to the log and the fail log. */
export const targetLog = (target: string, log: Logger, failLog: FailLog | undefined): ReplicatorObserver => {
  const logger = log.child({ target });
  return {
    stateChanged: (state, before) => logState(logger, state, before),
    delivered: (changes, stats) => logger.debug({ paths: changes.length, ...stats }, 'delivered'),
    stuck: ({ kind, path, code, text, attempts }) => {
      writeFailure(logger, failLog, { target, kind, path, code, text, attempts });
      const fields = { path: displayPath(path), code, text, attempts };
      // Once is enough for the people; the retries are for who searches.
      if (attempts === 1) logger.warn(fields, 'stuck: the target does not take this path; the rest goes on');
      else logger.debug(fields, 'still stuck');
    },
    freed: (path) => logger.info({ path: displayPath(path) }, 'no longer stuck'),
    reconcileStarted: (reason, directories) => logger.info({ reason, directories }, 'reconcile started'),
    reconcileFinished: (directories) => logger.info({ directories }, 'reconcile finished'),
  };
};

const writeFailure = (logger: Logger, failLog: FailLog | undefined, entry: FailLogEntry): void => {
  try {
    failLog?.write(entry);
  } catch (error) {
    // A full disk here must not stop the replication.
    const text = error instanceof Error ? error.message : String(error);
    logger.error({ error: text }, 'the fail log can not be written');
  }
};

const logState = (logger: Logger, state: ReplicaState, before: ReplicaState): void => {
  const attempt = attemptOf(state);
  if ('failure' in state) {
    const { code, text, hint } = state.failure;
    // An outage is told once; the retries are for who searches.
    if (attempt > 1) logger.debug({ state: state.name, code, attempt }, text);
    else logger.warn({ state: state.name, code, hint }, text);
  } else if (attempt === 0 && attemptOf(before) > 0 && state.name !== 'stopped') {
    logger.info({ state: state.name }, 'the target takes changes again');
  } else {
    logger.debug({ state: state.name, attempt }, 'state');
  }
};
