import { type Change, type ChangeKind, isWide, widerKind } from '../core/change.js';
import { parentOf, type RelPath, ROOT } from '../core/path.js';

/**
 * Changes that nobody has taken yet: each path once, and bounded. Past the limit detail is given up, never a change:
 * entries become their directory, directories what holds them, and at last everything is the whole tree.
 */
export class PendingChanges {
  #kinds = new Map<RelPath, ChangeKind>();
  #overflow = false;

  /** @param limit paths that are kept apart, at least 1 */
  constructor(private readonly limit: number) {}

  get isEmpty(): boolean {
    return this.#kinds.size === 0;
  }

  add({ kind, path }: Change): void {
    if (this.#kinds.get(ROOT) === 'tree') return;
    const known = this.#kinds.get(path);
    this.#kinds.set(path, known === undefined ? kind : widerKind(known, kind));
    if (this.#kinds.size > this.limit) this.#fold();
  }

  /** Events were lost: anything may have changed. */
  overflow(): void {
    this.#overflow = true;
    this.#wholeTree();
  }

  take(): { readonly changes: readonly Change[]; readonly overflow: boolean } {
    const changes = Array.from(this.#kinds, ([path, kind]) => ({ kind, path }));
    const overflow = this.#overflow;
    this.#kinds = new Map();
    this.#overflow = false;
    return { changes, overflow };
  }

  clear(): void {
    this.take();
  }

  #fold(): void {
    const folded = new Map<RelPath, ChangeKind>();
    for (const [path, kind] of this.#kinds) {
      const above = parentOf(path) ?? ROOT;
      const wider = isWide(kind) ? 'tree' : 'directory';
      folded.set(above, widerKind(folded.get(above) ?? wider, wider));
    }
    this.#kinds = folded;
    // Otherwise a deep and broad tree would be folded anew with every change.
    if (folded.size > this.limit / 2) this.#wholeTree();
  }

  #wholeTree(): void {
    this.#kinds = new Map([[ROOT, 'tree']]);
  }
}
