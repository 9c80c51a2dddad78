/** Base of every error that this package throws. Branch on `code`; `message` is for people and may change. */
export abstract class ReplicationError extends Error {
  /** Stable name of the fault, such as `WATCH_LIMIT_REACHED`. */
  abstract readonly code: string;
  /** What an operator can do about it, one sentence. */
  abstract readonly hint: string;

  /** Name of the class, such as `WatchError`. */
  override get name(): string {
    return this.constructor.name;
  }
}

/** One fault of a configuration: where it is and what was expected there. */
export interface ConfigFault {
  /** JSON pointer such as `/targets/2/url`; the empty string is the whole document. */
  readonly pointer: string;
  /** What is wrong, what was expected and how to mend it; one line. */
  readonly message: string;
  /** Set when the file may be right all the same: what it names is not there now, a disk that is mounted late mostly. */
  readonly code?: 'SOURCE_MISSING';
  /** 1-based line in the file, where it is known. */
  readonly line?: number;
  /** 1-based column, where `line` is known. */
  readonly column?: number;
}

/** The configuration can't be used. The process exits with 78 (EX_CONFIG of sysexits.h). */
export class ConfigError extends ReplicationError {
  override readonly code = 'CONFIG_INVALID';
  override readonly hint =
    'correct the configuration and start again; `imgsync-fast --help` names the reference page';

  constructor(
    /** The file's path, or a word for a configuration that came as an object. */
    readonly file: string,
    /** Every fault, in the order of the document; never empty. */
    readonly faults: readonly ConfigFault[],
    options?: ErrorOptions,
  ) {
    super(faults.map((fault) => formatConfigFault(file, fault)).join('\n'), options);
  }
}

const formatConfigFault = (file: string, { line, column, pointer, message }: ConfigFault): string => {
  const place = line === undefined ? file : `${file}:${line}:${column ?? 1}`;
  return `${place}: ${pointer === '' ? '' : `${pointer}: `}${message}`;
};

/** Watching the source failed; `code` says how. */
export class WatchError extends ReplicationError {
  constructor(
    override readonly code:
      | 'WATCH_LIMIT_REACHED'
      | 'INSTANCE_LIMIT_REACHED'
      | 'SOURCE_MISSING'
      | 'SOURCE_LOST'
      | 'SOURCE_EMPTY'
      | 'WATCH_FAILED'
      | 'ADDON_MISSING'
      | 'UNSUPPORTED_PLATFORM',
    message: string,
    override readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The state directory, or LMDB, can't be used. */
export class StoreError extends ReplicationError {
  constructor(
    override readonly code: 'STATE_DIR_IN_USE' | 'STATE_DIR_UNUSABLE' | 'STORE_MISSING',
    message: string,
    override readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What was asked of a running replication can't be done. */
export class OperationError extends ReplicationError {
  constructor(
    override readonly code: 'UNKNOWN_TARGET' | 'OUTSIDE_SOURCE' | 'BAD_REQUEST' | 'NOT_POSSIBLE' | 'STOPPING',
    message: string,
    override readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
