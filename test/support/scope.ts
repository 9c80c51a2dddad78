import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import type { Socket } from 'node:net';

/** What resources are bound to: a test's context, or the demo. */
export interface Scope {
  after(undo: () => unknown): void;
}

/** A scope of its own, for programs that are no tests. */
export class ProgramScope implements Scope {
  readonly #undo: (() => unknown)[] = [];

  after(undo: () => unknown): void {
    this.#undo.push(undo);
  }

  async close(): Promise<void> {
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) await undo();
  }
}

const stacks = new WeakMap<Scope, (() => unknown)[]>();

/** Runs `undo` when the scope ends, also after a failure; the newest first, for it may lean on the older ones. */
export const atEnd = (scope: Scope, undo: () => unknown): void => {
  const known = stacks.get(scope);
  if (known !== undefined) {
    known.push(undo);
    return;
  }
  const stack = [undo];
  stacks.set(scope, stack);
  scope.after(async () => {
    const errors: unknown[] = [];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      try {
        await next();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, errors.map(String).join('\n'));
  });
};

// Reads what is to be cleaned up, and does it when the writing end of its stdin is gone, however that happened.
const janitorScript = `
trap '' INT TERM HUP
groups=' ' trees=''
while read -r word value; do
  case $word in
    group) groups="$groups$value " ;;
    ended) groups=$(printf %s "$groups" | sed "s/ $value / /") ;;
    tree) trees="$trees $value" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
[ -z "$trees" ] || rm -rf -- $trees
`;

let janitor: ChildProcess | undefined;

/**
 * Tells the process that cleans up after this one, should it be killed: `group PGID`, `ended PGID`, `tree PATH` (no
 * blanks in it).
 */
export const tellJanitor = (line: string): void => {
  if (janitor === undefined) {
    janitor = spawn('sh', ['-c', janitorScript], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    janitor.unref();
    (janitor.stdin as Socket).unref();
  }
  janitor.stdin?.write(`${line}\n`);
};

/** Removes the tree when the scope ends. The path holds no blanks. */
export const removeAtEnd = (scope: Scope, path: string): void => {
  tellJanitor(`tree ${path}`);
  atEnd(scope, () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
};
