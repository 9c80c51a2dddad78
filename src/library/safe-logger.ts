import type { Logger, LogLine } from '../core/logger.js';

/** What a replication writes to: a logger of pino, `console`, or an object with these four methods. */
export interface ReplicationLogger {
  /** Each batch, each decision; much. */
  readonly debug: LogLine;
  /** Starts, first syncs, targets that are back. */
  readonly info: LogLine;
  /** What heals by itself: tries that failed, lost events. */
  readonly warn: LogLine;
  /** What needs a person. */
  readonly error: LogLine;
}

const silent = (): void => {};

/** Whose faults stay with it: a logger that throws does not end a replication. Without one, nothing is written. */
export const safeLogger = (
  logger: ReplicationLogger | undefined,
  fields: Readonly<Record<string, unknown>> = {},
): Logger => {
  const line = (level: keyof ReplicationLogger): LogLine =>
    logger === undefined
      ? silent
      : (first: object | string, message?: string) => {
          const [own, text] = typeof first === 'string' ? [{}, first] : [first, message ?? ''];
          try {
            logger[level]({ ...fields, ...own }, text);
          } catch {
            // There is no better place to tell.
          }
        };
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: (more) => safeLogger(logger, { ...fields, ...more }),
  };
};
