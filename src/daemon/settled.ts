import type { Lack } from '../replicate/open-work.js';
import type { PathText } from './source-path.js';
import type { TargetState } from './status.js';

/** Every target, that many of them, or those with these names. */
export type TargetChoice = 'all' | number | readonly string[];

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
  readonly targets: readonly SettledTarget[];
  /** Files whose writer has not closed them: what is in them now is not sent yet. */
  readonly beingWritten: readonly string[];
  /** Paths that never get to the targets: they were not waited for. */
  readonly excluded: readonly { readonly path: string; readonly pattern: string; readonly pointer: string }[];
  /** Paths that the source does not have: that they are gone was waited for. */
  readonly missing: readonly string[];
}

export interface SettledTarget {
  readonly name: string;
  readonly settled: boolean;
  /** Where what it does not have yet stands. */
  readonly lacks?: Lack;
  readonly state: TargetState;
  /** Why it gets nothing at the moment. */
  readonly reason?: string;
}
