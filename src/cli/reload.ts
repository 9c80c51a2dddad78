import type { Logger } from 'pino';
import type { Config } from '../config/config.js';
import { loadConfig } from '../config/load.js';
import { ConfigError, ReplicationError } from '../core/errors.js';
import type { Daemon } from '../daemon/status.js';

/**
 * Reads the configuration again and goes on with it. A wrong one changes nothing: each fault is a line of the log. Never
 * rejects.
 * @returns whether it was taken
 * @param adapt adds what the command line says
 * @param load reads the file
 */
export const reload = async (
  file: string,
  adapt: (config: Config) => Config,
  daemon: Pick<Daemon, 'reload'>,
  logger: Logger,
  load: () => Promise<Config> = () => loadConfig(file),
): Promise<boolean> => {
  logger.info({ file }, 'SIGHUP: reading the configuration again');
  try {
    await daemon.reload(adapt(await load()));
    return true;
  } catch (error) {
    if (!(error instanceof ReplicationError)) {
      logger.error({ err: error }, 'the configuration could not be read again: it stays as it was');
      return false;
    }
    const { code, hint } = error;
    if (!(error instanceof ConfigError)) {
      logger.error({ code, hint }, `the configuration stays as it was: ${error.message}`);
      return false;
    }
    for (const { pointer, message, line, column } of error.faults)
      logger.error({ code, file, line, column, pointer }, `the configuration stays as it was: ${message}`);
    return false;
  }
};
