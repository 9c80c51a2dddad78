import type { Logger } from 'pino';
import type { LogLevel } from '../config/config.js';
import type { Log } from '../daemon/logger.js';
import type { Daemon } from '../daemon/status.js';
import type { Signals } from './signals.js';

/** SIGUSR1 writes the status to the log, SIGUSR2 switches between the level of the configuration and debug. */
export const obeyOperator = (
  signals: Signals,
  daemon: Pick<Daemon, 'status'>,
  { logger, setLevel }: Pick<Log, 'logger' | 'setLevel'>,
  level: LogLevel,
): void => {
  signals.onStatusWanted(() => logLoudly(logger, { status: daemon.status() }, 'SIGUSR1: status'));
  let isSwitched = false;
  signals.onLevelSwitch(() => {
    isSwitched = !isSwitched;
    // With debug configured the switch still has to do something.
    const next = isSwitched ? (level === 'debug' ? 'info' : 'debug') : level;
    // While both levels let it through: whoever looks for the switch has to find it.
    if (next !== 'debug') logLoudly(logger, { level: next }, `SIGUSR2: the log has level ${next}`);
    setLevel(next);
    if (next === 'debug') logLoudly(logger, { level: next }, `SIGUSR2: the log has level ${next}`);
  });
};

/** At level info, or at the lowest that is let through: it was asked for. */
const logLoudly = (logger: Logger, fields: object, message: string): void => {
  const level = logger.isLevelEnabled('info') ? 'info' : logger.isLevelEnabled('warn') ? 'warn' : 'error';
  logger[level](fields, message);
};
