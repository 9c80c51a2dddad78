import { closeSync, openSync } from 'node:fs';
import { type Logger, pino } from 'pino';
import type { LogLevel } from '../config/config.js';

export interface LogOptions {
  readonly level: LogLevel;
  /** Lines for people instead of JSON. */
  readonly pretty: boolean;
  /** Only for lines for people. */
  readonly colors: boolean;
  /** Whether each line begins with its priority, sd-daemon(3): `<4>` is a warning. For systemd's journal. */
  readonly priorities?: boolean;
  /** Absolute path of a file that takes the lines instead of standard output. */
  readonly file?: string | undefined;
  /** Takes each line at once; without it they go to standard output. */
  readonly write?: (line: string) => void;
}

export interface Log {
  readonly logger: Logger;
  /** The least level from now on, of every logger that came from this one as well. */
  setLevel(level: LogLevel): void;
  /** Opens the file anew, for one that was moved away; nothing without a file. */
  reopen(): void;
  /** Resolves when everything logged so far is written, or after a second when nobody reads it. */
  flush(): Promise<void>;
}

/** Lines that wait for a reader of standard output, bytes; more are dropped, for replication must not wait for them. */
const waitingBytes = 16 * 1024 ** 2;

/** Numbers of pino's levels -> priorities of syslog(3). */
const syslogPriorities: ReadonlyMap<number, number> = new Map([
  [10, 7],
  [20, 7],
  [30, 6],
  [40, 4],
  [50, 3],
  [60, 2],
]);

/**
 * One line for each event: JSON with `level` (a word), `ts` (RFC 3339, ms) and `msg`, or lines for people.
 * Rejects with a system error when the file can't be written.
 */
export const createLog = async (options: LogOptions): Promise<Log> => {
  const { level, pretty, colors, write, file } = options;
  const output = write !== undefined && file === undefined ? { write, ...nowhere } : outputTo(file ?? 1);
  const form = pretty ? await formForPeople(colors) : (line: string) => line;
  const loggers = new Loggers();
  const stream = {
    lastLevel: 30,
    write: (line: string) => {
      const prefix = options.priorities === true ? `<${syslogPriorities.get(stream.lastLevel)}>` : '';
      output.write(`${prefix}${form(line)}`);
    },
  };
  // Makes pino set `lastLevel` before each line.
  Object.assign(stream, { [pino.symbols.needsMetadataGsym]: true });
  const logger = pino(
    {
      level,
      base: null,
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      onChild: (child) => loggers.add(child),
    },
    stream,
  );
  loggers.add(logger);
  return { logger, setLevel: (next) => loggers.setLevel(next), reopen: output.reopen, flush: output.flush };
};

/** A child has a level of its own, taken from its parent when it was made. */
class Loggers {
  #known: WeakRef<Logger>[] = [];

  add(logger: Logger): void {
    this.#known = [...this.#known.filter((known) => known.deref() !== undefined), new WeakRef(logger)];
  }

  setLevel(level: LogLevel): void {
    for (const known of this.#known) {
      const logger = known.deref();
      if (logger !== undefined) logger.level = level;
    }
  }
}

interface Output {
  write(line: string): void;
  reopen(): void;
  flush(): Promise<void>;
}

const nowhere = { reopen: () => {}, flush: async () => {} };

/** @param to a file, or the descriptor of standard output */
const outputTo = (to: string | 1): Output => {
  // The stream tells a fault only later, when nobody can be told any more.
  if (to !== 1) closeSync(openSync(to, 'a', 0o640));
  const output = pino.destination({ dest: to, sync: false, maxLength: waitingBytes, mode: 0o640 });
  // A reader that went away takes the log with it, not the replication.
  output.on('error', () => {});
  return {
    write: (line) => output.write(line),
    reopen: () => {
      if (to !== 1) output.reopen();
    },
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
