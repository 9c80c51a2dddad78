import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from './durable-file.js';

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
    const isEmpty = state.paused.length + state.added.length === 0;
    writeDurably(this.#path, isEmpty ? undefined : state);
  }
}
