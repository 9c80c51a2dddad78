import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** What operators decided while it ran. */
export interface OperatorState {
  /** Names of the targets that are paused. */
  readonly paused: readonly string[];
  /** Targets that were added, as they would stand in `targets` of sync.json. */
  readonly added: readonly unknown[];
}

const nothing: OperatorState = { paused: [], added: [] };

/** Keeps that over restarts, in the state directory. There is no file while there is nothing to keep. */
export class OperatorFile {
  readonly #path: string;

  constructor(stateDir: string) {
    this.#path = join(stateDir, 'operator.json');
  }

  /** Throws a system error, or a `SyntaxError` when the file is damaged. */
  read(): OperatorState {
    try {
      return { ...nothing, ...(JSON.parse(readFileSync(this.#path, 'utf8')) as Partial<OperatorState>) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return nothing;
      throw error;
    }
  }

  /** The old content or the new one is there at any moment. Throws a system error. */
  write(state: OperatorState): void {
    if (state.paused.length + state.added.length === 0) {
      rmSync(this.#path, { force: true });
      return;
    }
    const next = `${this.#path}.new`;
    const fd = openSync(next, 'w', 0o600);
    try {
      writeSync(fd, `${JSON.stringify(state)}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(next, this.#path);
  }
}
