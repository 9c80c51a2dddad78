import type { Hook } from '../core/hook.js';
import type { FilterRule, Target } from '../core/target.js';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/**
 * A checked, complete configuration, frozen in depth: every default filled in, every size in bytes. It comes only
 * from `loadConfig` and `resolveConfig`. The keys of sync.json, their units and defaults: docs/configuration.md.
 */
export interface Config {
  /** Path of the file it was read from, or a word for a configuration that came as an object. */
  readonly file: string;
  /** Absolute path of the source root with every symbolic link resolved; an ordinary JavaScript string. */
  readonly source: string;
  /** Names and places are unique. None: the hooks are told of every change. */
  readonly targets: readonly Target[];
  /** The includes, then the excludes; the bytes of their UTF-8 form as latin1. */
  readonly rules: readonly FilterRule[];
  readonly delete: {
    readonly enabled: boolean;
    /** More deletes than this within `windowMs` are held; `undefined`: the guard's own default. */
    readonly max: DeleteLimit | undefined;
    readonly windowMs: number;
  };
  readonly events: { readonly attrib: boolean; readonly modify: boolean };
  readonly batch: {
    readonly maxPaths: number;
    readonly lingerMs: number;
    /** Batches of one target that may run at the same time. */
    readonly parallel: number;
    /** Files of this size and more go in a lane of their own. */
    readonly bigFileBytes: number;
    /** Bytes of regular files in one batch. */
    readonly maxBytes: number;
  };
  readonly settleMs: number;
  readonly crossMounts: boolean;
  /** Absolute; created when it is missing. */
  readonly stateDir: string;
  /** `undefined`: no TCP address is listened on. */
  readonly http: HttpSettings | undefined;
  readonly log: {
    readonly level: LogLevel;
    readonly pretty: 'auto' | boolean;
    /** Absolute; `undefined`: standard output. */
    readonly file: string | undefined;
  };
  readonly stopTimeoutSeconds: number;
  readonly retry: { readonly minMs: number; readonly maxMs: number; readonly haltedMs: number };
  /** Process-wide limit of running rsyncs. */
  readonly maxRsyncs: number;
  readonly changeLogLimitBytes: number;
  readonly initialSync: boolean;
  /** Absolute; `undefined`: no fail log is written. */
  readonly failLog: string | undefined;
  readonly hooks: readonly Hook[];
  /** `undefined`: no full sync by the clock. `timeZone` `undefined`: that of the machine. */
  readonly fullSync: { readonly schedule: string; readonly timeZone: string | undefined } | undefined;
}

export interface HttpSettings {
  /** An IPv6 host has no brackets; port 0 takes any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Absolute; `undefined`: nothing can be changed over TCP. */
  readonly tokenFile: string | undefined;
  /** Names, with or without a port, by which it may be addressed beside its own. */
  readonly allowedHosts: readonly string[];
  /** Targets that have to be reachable for it to be ready. */
  readonly readyTargets: number;
}

/** `percent` is of the entries of the tree. */
export type DeleteLimit = { readonly count: number } | { readonly percent: number };
