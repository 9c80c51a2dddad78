/** Writes one line: what belongs to it, and a message for people. */
export interface LogLine {
  (fields: object, message: string): void;
  (message: string): void;
}

/** Where a replication says what it does. A logger of pino is one. */
export interface Logger {
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
  /** One that adds these fields to each line. */
  child(fields: Readonly<Record<string, unknown>>): Logger;
}
