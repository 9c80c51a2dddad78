import { type BackoffLimits, backoffDelayMs } from '../core/backoff.js';
import { type Change, type ChangeKind, isWide, widerKind } from '../core/change.js';
import { ancestorsOf, parentOf, type RelPath } from '../core/path.js';

/** A path that one target can't take while everything else flows. */
export interface StuckEntry extends Change {
  /** Stable name such as `PERMISSION_DENIED` or `PATH_TOO_LONG`. */
  readonly code: string;
  /** rsync's words. */
  readonly text: string;
  readonly attempts: number;
  /** First failure, ms since the epoch. */
  readonly since: number;
  /** Next try, ms since the epoch. */
  readonly retryAt: number;
}

/** Stuck paths are tried again slowly: each costs a run of rsync that ends in an error. */
const retryLimits: BackoffLimits = { minMs: 5_000, maxMs: 600_000 };

/** The stuck paths of one target: never dropped, tried again for ever, gone when a batch delivers them. */
export class StuckPaths {
  readonly #byPath = new Map<RelPath, StuckEntry>();

  constructor(
    private readonly random: () => number = Math.random,
    private readonly limits: BackoffLimits = retryLimits,
  ) {}

  get size(): number {
    return this.#byPath.size;
  }

  kindOf(path: RelPath): ChangeKind | undefined {
    return this.#byPath.get(path)?.kind;
  }

  /** Notes a failure. @returns the entry, with `attempts` 1 when the path was not stuck before */
  report({ kind, path }: Change, code: string, text: string, now: number): StuckEntry {
    const older = this.#byPath.get(path);
    const attempts = (older?.attempts ?? 0) + 1;
    const retryAt = now + backoffDelayMs(attempts, this.limits, this.random());
    const entry = {
      kind: older === undefined ? kind : widerKind(kind, older.kind),
      path,
      code,
      text,
      attempts,
      since: older?.since ?? now,
      retryAt,
    };
    this.#byPath.set(path, entry);
    return entry;
  }

  /** Frees every stuck path that the delivered changes cover, but not those in `failedAgain`. */
  clearCovered(changes: readonly Change[], failedAgain: ReadonlySet<RelPath>): RelPath[] {
    if (this.#byPath.size === 0) return [];
    const kinds = new Map<RelPath, ChangeKind>();
    const directories = new Set<RelPath>();
    const trees = new Set<RelPath>();
    for (const change of changes) {
      kinds.set(change.path, change.kind);
      if (change.kind === 'directory') directories.add(change.path);
      if (change.kind === 'tree') trees.add(change.path);
    }
    const cleared: RelPath[] = [];
    for (const { kind, path } of this.#byPath.values()) {
      if (failedAgain.has(path)) continue;
      const parent = parentOf(path);
      const own = kinds.get(path);
      const covered =
        (own !== undefined && widerKind(own, kind) === own) ||
        (!isWide(kind) && parent !== undefined && directories.has(parent)) ||
        (trees.size > 0 && [...ancestorsOf(path)].some((ancestor) => trees.has(ancestor)));
      if (covered) cleared.push(path);
    }
    for (const path of cleared) this.#byPath.delete(path);
    return cleared;
  }

  /** What is to be tried again, for its time has come; they count as being tried and come due again only after another {@link report}. */
  takeDue(now: number): Change[] {
    const due: Change[] = [];
    for (const entry of this.#byPath.values()) {
      if (entry.retryAt > now) continue;
      due.push(entry);
      this.#byPath.set(entry.path, { ...entry, retryAt: Number.POSITIVE_INFINITY });
    }
    return due;
  }

  /** When the next path comes due, ms since the epoch; `undefined` when none does. */
  get nextDueAt(): number | undefined {
    let earliest = Number.POSITIVE_INFINITY;
    for (const entry of this.#byPath.values()) earliest = Math.min(earliest, entry.retryAt);
    return Number.isFinite(earliest) ? earliest : undefined;
  }

  /** Makes every path due: after an outage or when an operator asks. */
  expedite(now: number): void {
    for (const entry of this.#byPath.values()) this.#byPath.set(entry.path, { ...entry, retryAt: now });
  }

  [Symbol.iterator](): Iterator<StuckEntry> {
    return this.#byPath.values();
  }
}
