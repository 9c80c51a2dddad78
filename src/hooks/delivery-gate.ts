import { type Change, type Sequence, widerKind } from '../core/change.js';
import { liesBelow, parentOf, type RelPath } from '../core/path.js';

interface WaitingPath {
  change: Change;
  /** Of its newest change. */
  sequence: Sequence;
  /** Targets that have it as it was at that change, or newer. */
  readonly has: Set<string>;
}

/** What a target took. */
export interface Delivery {
  readonly target: string;
  readonly changes: readonly Change[];
  /** Paths among them, or below them, that it did not take. */
  readonly left: ReadonlySet<RelPath>;
  /** The newest change at the moment when the batch was sent. */
  readonly sequence: Sequence;
  /** No file's content was sent and nothing was deleted: a comparison found its directories as they should be. */
  readonly isQuiet: boolean;
}

/**
 * Holds changed paths until so many targets have them. A path that changes again begins anew. Pure: no clock, no I/O.
 * The number of paths is limited; when there are more, the one that has waited longest is given up.
 */
export class DeliveryGate {
  readonly #waiting = new Map<RelPath, WaitingPath>();
  #given = 0;

  constructor(
    private when: 'all' | number,
    private targets: readonly string[],
    private limit: number,
  ) {}

  get size(): number {
    return this.#waiting.size;
  }

  /** Paths that were given up since the last call. */
  takeLost(): number {
    const lost = this.#given;
    this.#given = 0;
    return lost;
  }

  changed(change: Change, sequence: Sequence): void {
    const older = this.#waiting.get(change.path);
    this.#waiting.delete(change.path);
    const kind = older === undefined ? change.kind : widerKind(change.kind, older.change.kind);
    this.#waiting.set(change.path, { change: { kind, path: change.path }, sequence, has: new Set() });
    if (this.#waiting.size <= this.limit) return;
    const [oldest] = this.#waiting.keys();
    if (oldest !== undefined) this.#waiting.delete(oldest);
    this.#given++;
  }

  /** @returns the changes that enough targets have now */
  delivered({ target, changes, left, sequence }: Delivery): Change[] {
    const entries = changes.map(({ path }) => path);
    const directories = new Set(changes.flatMap(({ kind, path }) => (kind === 'directory' ? path : [])));
    const trees = new Set(changes.flatMap(({ kind, path }) => (kind === 'tree' ? path : [])));
    const covered = (path: RelPath): boolean => {
      const parent = parentOf(path);
      return (parent !== undefined && directories.has(parent)) || liesBelow(path, trees);
    };
    const paths =
      directories.size + trees.size === 0
        ? entries
        : [...entries, ...[...this.#waiting.keys()].filter(covered)];
    return this.#confirm(
      target,
      paths.filter((path) => !isLeft(path, left)),
      sequence,
    );
  }

  /**
   * A target was compared as a whole: it has what changed before, but for what is still open.
   * @param sequence the newest change at the moment when the comparison began
   */
  compared(target: string, sequence: Sequence, open: readonly Change[]): Change[] {
    const left = new Set(open.map(({ path }) => path));
    return this.#confirm(
      target,
      [...this.#waiting.keys()].filter((path) => !isLeft(path, left)),
      sequence,
    );
  }

  /** Waits for another number of targets. @returns what is complete by it */
  configure(when: 'all' | number, limit: number): Change[] {
    this.when = when;
    this.limit = limit;
    return this.#take([...this.#waiting.keys()]);
  }

  /** Which of the targets have which of the paths that wait. */
  *having(): Generator<{ readonly target: string; readonly change: Change }> {
    for (const { change, has } of this.#waiting.values()) for (const target of has) yield { target, change };
  }

  /** Another list of targets. @returns what is complete by it */
  setTargets(targets: readonly string[]): Change[] {
    this.targets = targets;
    return this.#take([...this.#waiting.keys()]);
  }

  #confirm(target: string, paths: readonly RelPath[], sequence: Sequence): Change[] {
    for (const path of paths) {
      const waiting = this.#waiting.get(path);
      if (waiting !== undefined && waiting.sequence <= sequence) waiting.has.add(target);
    }
    return this.#take(paths);
  }

  #take(paths: readonly RelPath[]): Change[] {
    const needed = this.when === 'all' ? this.targets.length : Math.min(this.when, this.targets.length);
    const complete: Change[] = [];
    for (const path of paths) {
      const waiting = this.#waiting.get(path);
      if (waiting === undefined) continue;
      if (this.targets.filter((target) => waiting.has.has(target)).length < needed) continue;
      this.#waiting.delete(path);
      complete.push(waiting.change);
    }
    return complete;
  }
}

/** Whether the path, or a directory above it, was not taken. */
export const isLeft = (path: RelPath, left: ReadonlySet<RelPath>): boolean =>
  left.has(path) || liesBelow(path, left);
