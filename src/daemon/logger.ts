import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogLevel } from '../config/config.js';

export interface LogOptions {
  readonly level: LogLevel;
  /** Lines for people instead of JSON. */
  readonly pretty: boolean;
  /** Only for lines for people. */
  readonly colors: boolean;
  /** Takes each line at once; without it they go to standard output. */
  readonly write?: (line: string) => void;
}

export interface Log {
  readonly logger: Logger;
  /** Resolves when everything logged so far is written, or after a second when nobody reads it. */
  flush(): Promise<void>;
}

/** Lines that wait for a reader of standard output, bytes; more are dropped, for replication must not wait for them. */
const waitingBytes = 16 * 1024 ** 2;

/**
 * One line for each event: JSON with `level` (a word), `ts` (RFC 3339, ms) and `msg`, or lines for people.
 */
export const createLog = async ({ level, pretty, colors, write }: LogOptions): Promise<Log> => {
  const output = write === undefined ? standardOutput() : { write, flush: async () => {} };
  const form = pretty ? await formForPeople(colors) : (line: string) => line;
  const stream: DestinationStream = { write: (line) => output.write(form(line)) };
  const logger = pino(
    {
      level,
      base: null,
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  return { logger, flush: output.flush };
};

interface Output {
  write(line: string): void;
  flush(): Promise<void>;
}

const standardOutput = (): Output => {
  const output = pino.destination({ dest: 1, sync: false, maxLength: waitingBytes });
  // A reader that went away takes the log with it, not the replication.
  output.on('error', () => {});
  return {
    write: (line) => output.write(line),
    flush: () =>
      new Promise((resolve) => {
        setTimeout(resolve, 1_000).unref();
        output.flush(() => resolve());
      }),
  };
};

/** In this thread and at once, unlike pino-pretty's stream: lines must not come after the table that follows them. */
const formForPeople = async (colors: boolean): Promise<(line: string) => string> => {
  const { prettyFactory } = await import('pino-pretty');
  return prettyFactory({
    colorize: colors,
    timestampKey: 'ts',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  });
};
