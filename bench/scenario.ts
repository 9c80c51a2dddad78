import type { Scope } from '../test/support/scope.js';

/** How big a scenario is. */
export interface Size {
  /** Files of its tree; what else a scenario counts is derived from it. */
  readonly files: number;
  readonly targets: number;
  /** Single saves that are measured. */
  readonly saves: number;
  /** How long something is watched or goes on, s. */
  readonly seconds: number;
}

export type Unit = 'ms' | 's' | 'MB' | '%' | 'files' | 'MB/s';

/** One figure of one subject, a value for each run. */
export interface Sample {
  /** Who was measured: `imgsync-fast` or a peer. */
  readonly subject: string;
  /** What was measured. */
  readonly metric: string;
  readonly unit: Unit;
  readonly values: number[];
}

/** All values of one subject, for a plot of how they are spread. */
export interface Spread {
  readonly subject: string;
  readonly metric: string;
  readonly unit: Unit;
  readonly values: number[];
}

/** Where a subject ended with another tree than the source, or missed changes. */
export interface Loss {
  readonly subject: string;
  readonly count: number;
  readonly detail: string;
}

export interface ScenarioResult {
  readonly scenario: string;
  readonly size: Size;
  readonly runs: number;
  readonly samples: readonly Sample[];
  readonly spreads: readonly Spread[];
  readonly losses: readonly Loss[];
  /** What was left out, and why. */
  readonly notes: readonly string[];
}

/** Those who do the same work in the same run. */
export const peerNames = ['lsyncd', 'inotifywait', 'parcel', 'chokidar'] as const;
export type PeerName = (typeof peerNames)[number];

/** What a scenario works with. */
export interface Bench {
  readonly size: Size;
  /** Ends with the scenario. */
  readonly scope: Scope;
  /** Takes the figure of one run. */
  record(subject: string, metric: string, unit: Unit, value: number): void;
  spread(subject: string, metric: string, unit: Unit, values: readonly number[]): void;
  lost(subject: string, count: number, detail: string): void;
  note(text: string): void;
  /** Whether the peer was asked for and is there. */
  has(peer: PeerName): boolean;
  /**
   * Measures each subject once in each run, in turns: what one run has against it, all have. What they start ends with
   * the scope.
   */
  alternate(
    subjects: Readonly<Record<string, (scope: Scope, subject: string) => Promise<void>>>,
  ): Promise<void>;
}

export interface Scenario {
  readonly name: string;
  /** What it answers, one line. */
  readonly question: string;
  /** When nothing else is asked for. */
  readonly size: Size;
  /** For a check that everything works. */
  readonly smokeSize: Size;
  run(bench: Bench): Promise<void>;
}

/** The subject that everything is about. */
export const us = 'imgsync-fast';
