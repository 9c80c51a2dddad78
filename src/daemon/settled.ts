import type { Lack } from '../replicate/open-work.js';
import type { PathText } from './source-path.js';
import type { TargetState } from './status.js';

/** Every target, that many of them, or those with these names. */
export type TargetChoice = 'all' | number | readonly string[];

/** What is waited for, and how long. */
export interface SettledOptions {
  /** Only what these hold, files or directories; relative to the source or absolute. Default: everything. */
  readonly paths?: readonly PathText[] | undefined;
  /** Default `all`. */
  readonly targets?: TargetChoice | undefined;
  /** Default: no limit, ms. */
  readonly timeoutMs?: number | undefined;
  /** Gives up: the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** How a wait ended. Plain data; paths are for people. */
export interface SettledReport {
  /** Whether the targets that were waited for have what was at the source. */
  readonly settled: boolean;
  /**
   * What was missing when the time was over: the source was not watched (`source`), not every event was read (`events`),
   * files were being written (`writers`), or not enough `targets` had all of it.
   */
  readonly waitsFor: 'nothing' | 'source' | 'events' | 'writers' | 'targets';
  /** Those that were waited for; with a number, all. */
  readonly targets: readonly SettledTarget[];
  /** Files whose writer has not closed them: what is in them now is not sent yet. */
  readonly beingWritten: readonly string[];
  /** Paths that never get to the targets: they were not waited for. */
  readonly excluded: readonly ExcludedPath[];
  /** Paths that the source does not have: that they are gone was waited for. */
  readonly missing: readonly string[];
}

/** A path that was waited for although a pattern keeps it from the targets. */
export interface ExcludedPath {
  /** Relative to the source, for people: see `displayPath`. */
  readonly path: string;
  /** The exclude that matches it, or a directory above it. */
  readonly pattern: string;
  /** JSON pointer of the pattern in the configuration, such as `/exclude/0`. */
  readonly pointer: string;
}

/** One target in a {@link SettledReport}. */
export interface SettledTarget {
  /** As in the configuration. */
  readonly name: string;
  /** Whether it has all that was waited for. */
  readonly settled: boolean;
  /** Where what it does not have yet stands; absent when it has all. */
  readonly lacks?: Lack;
  /** What it does at the moment. */
  readonly state: TargetState;
  /** Why it gets nothing at the moment. */
  readonly reason?: string;
}
