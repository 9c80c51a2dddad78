import type { Change } from '../core/change.js';
import { ancestorsOf, displayPath, type RelPath } from '../core/path.js';
import type { Place } from '../replicate/open-work.js';
import type { Replicator } from '../replicate/replicator.js';
import { concerning } from './concerning.js';
import type { FoundKind } from './filtered.js';
import type { TargetState } from './status.js';

/**
 * Where a path stands with one target:
 * - a {@link Place}, or `unread`: its change waits in the log
 * - `comparison`: the target is to be compared with the source, or is being compared
 * - `kept`: the source does not have it, and an operator rejected its delete
 * - `acknowledged`: the target has it as it is, or has deleted it; `at` says since when if that is known
 * - `unknown`: no change of it was told since the start, and the target was not compared
 * - `never seen`: the source does not have it, and nothing is known of it
 */
export type PathPlace = Place | 'unread' | 'comparison' | 'kept' | 'acknowledged' | 'unknown' | 'never seen';

export interface PathAtTarget {
  readonly name: string;
  readonly state: TargetState;
  /** Why the target gets nothing at the moment. */
  readonly reason?: string;
  readonly place: PathPlace;
  /** The path whose change it is, when it is not the one asked for. */
  readonly path?: string;
  /** Since when it waits, or when it was acknowledged, RFC 3339. Absent: not known; before the start, mostly. */
  readonly at?: string;
  /** Of what is stuck. */
  readonly error?: { readonly code: string; readonly text: string; readonly attempts: number };
}

/** Plain data; paths are for people. */
export interface WhyReport {
  readonly path: string;
  /** What the source has there. */
  readonly source: FoundKind | 'missing';
  /** A rule keeps it from all targets. */
  readonly excluded?: { readonly path: string; readonly pattern: string; readonly pointer: string };
  /** Its writer has not closed it: what is in it now is not told yet. */
  readonly beingWritten: boolean;
  /** Whether every directory of the source is watched. */
  readonly live: boolean;
  /** None when a rule excludes it. */
  readonly targets: readonly PathAtTarget[];
}

/** What was delivered last is remembered up to this number of paths, for each target. */
const maxRemembered = 10_000;

/** When paths were acknowledged; the newest of them. */
export class Deliveries {
  readonly #byPath = new Map<RelPath, { readonly at: number; readonly kind: Change['kind'] }>();

  add(changes: readonly Change[], at: number): void {
    for (const { path, kind } of changes.slice(-maxRemembered)) {
      this.#byPath.delete(path);
      this.#byPath.set(path, { at, kind });
    }
    for (const path of this.#byPath.keys()) {
      if (this.#byPath.size <= maxRemembered) return;
      this.#byPath.delete(path);
    }
  }

  /** When one of the paths was acknowledged last by itself. */
  lastNamed(paths: readonly RelPath[]): number | undefined {
    return newest(paths.map((path) => this.#byPath.get(path)?.at));
  }

  /** When the path was acknowledged last, by itself or with a directory above it. */
  lastOf(path: RelPath): number | undefined {
    const times = [this.#byPath.get(path)?.at];
    let isParent = true;
    for (const above of ancestorsOf(path)) {
      const found = this.#byPath.get(above);
      if (found?.kind === 'tree' || (isParent && found?.kind === 'directory')) times.push(found.at);
      isParent = false;
    }
    return newest(times);
  }
}

const newest = (times: readonly (number | undefined)[]): number | undefined => {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
};

/** The path and the directories above it that the source does not have. */
export const goneAt = (path: RelPath, exists: (path: RelPath) => boolean): RelPath[] =>
  [path, ...ancestorsOf(path)].filter((each) => !exists(each));

export interface Whereabouts {
  readonly replicator: Replicator;
  /** What the target keeps although the source does not have it. */
  readonly kept: readonly Change[];
  readonly deliveries: Deliveries;
  /** Whether what the directory that holds it had was acknowledged as a whole once. */
  readonly isStored: boolean;
}

type Found = Pick<PathAtTarget, 'place' | 'path' | 'at' | 'error'>;

/** @param gone see {@link goneAt}; empty: the source has the path */
export const whereIs = (
  path: RelPath,
  gone: readonly RelPath[],
  { replicator, kept, deliveries, isStored }: Whereabouts,
): Found => {
  const concerns = concerning([path]);
  const named = (change: Change): { path?: string } =>
    change.path === path ? {} : { path: displayPath(change.path) };
  for (const { place, change, entry } of replicator.openWork()) {
    if (!concerns(change)) continue;
    const error =
      entry === undefined ? {} : { error: { code: entry.code, text: entry.text, attempts: entry.attempts } };
    return { place, ...named(change), at: timeOf(change.at), ...error };
  }
  const unread = replicator.unread(concerns);
  if (unread !== undefined) return { place: 'unread', ...named(unread), at: timeOf(unread.at) };
  if (!replicator.isCompared) return { place: 'comparison' };
  const isThere = gone.length === 0;
  const keeps = isThere ? undefined : kept.find(concerns);
  if (keeps !== undefined) return { place: 'kept', ...named(keeps) };
  const at = isThere ? deliveries.lastOf(path) : deliveries.lastNamed(gone);
  if (at !== undefined) return { place: 'acknowledged', at: timeOf(at) };
  if (!isThere) return { place: 'never seen' };
  return { place: isStored || replicator.wasCompared ? 'acknowledged' : 'unknown' };
};

const timeOf = (ms: number): string => new Date(ms).toISOString();
