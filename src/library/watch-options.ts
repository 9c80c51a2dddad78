import * as z from 'zod';
import { faultsOf } from '../config/faults.js';
import { flag, integer, list, oneOf, pattern, section } from '../config/fields.js';
import { ConfigError } from '../core/errors.js';

const schema = section({
  include: list(pattern, 'patterns').default([]),
  exclude: list(pattern, 'patterns').default([]),
  encoding: oneOf('utf8', 'buffer').default('utf8'),
  attrib: flag().default(true),
  modify: flag().default(false),
  crossMounts: flag().default(true),
  settleMs: integer('ms', 1, 3_600_000).default(100),
  lingerMs: integer('ms', 0, 10_000).default(3),
  maxPending: integer('paths', 1, 100_000_000).default(100_000),
  signal: z.instanceof(AbortSignal, { error: 'expected an AbortSignal' }).optional(),
});

/** What `watchTree` takes beside the root. */
export interface WatchTreeOptions<Encoding extends 'utf8' | 'buffer' = 'utf8' | 'buffer'> {
  /** Patterns of rsync that are watched although an exclude matches; tried first. Default: none. */
  readonly include?: readonly string[] | undefined;
  /** Patterns of rsync that are not watched: `*.tmp`, `/cache/`. Default: none. */
  readonly exclude?: readonly string[] | undefined;
  /** Paths as strings, or as the bytes that they are. Default `utf8`. */
  readonly encoding?: Encoding | undefined;
  /** Ends the watch. */
  readonly signal?: AbortSignal | undefined;
  /** Changes of mode, owner and times alone. Default true. */
  readonly attrib?: boolean | undefined;
  /** A file that stays open, whenever it was quiet for `settleMs`. Default false: when its writer closes it. */
  readonly modify?: boolean | undefined;
  /** What is mounted below the root. Default true. */
  readonly crossMounts?: boolean | undefined;
  /** Quiet time after which a file that nobody closed is asked for writers, ms, 1 to 3,600,000. Default 100. */
  readonly settleMs?: number | undefined;
  /** How long changes are gathered for a batch, ms, 0 to 10,000. Default 3. */
  readonly lingerMs?: number | undefined;
  /** Paths that wait to be taken; more are folded into their directories. Default 100,000. */
  readonly maxPending?: number | undefined;
}

/** With all defaults. Throws a {@link ConfigError} with every fault. */
export const watchOptionsOf = (options: WatchTreeOptions): z.output<typeof schema> => {
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  throw new ConfigError('watchTree', faultsOf(schema, options, result.error.issues));
};
