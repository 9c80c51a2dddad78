import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Change } from '../core/change.js';
import { writeDurably } from './durable-file.js';

/** What the guard of deletes has to know of a target after a restart. */
export interface KeptState {
  /** Deletes were held when it ended. */
  readonly isHolding: boolean;
  /** The target was never compared to the end: what it has beside the source was not looked through yet. */
  readonly isFirstSync: boolean;
  /** Rejected deletes: the target keeps these. */
  readonly kept: readonly Change[];
}

export const nothingKept: KeptState = { isHolding: false, isFirstSync: false, kept: [] };

/** A small file of one target in the state directory; there is none while there is nothing to remember. */
export class KeptFile {
  readonly path: string;

  /** @param place says where the target is */
  constructor(stateDir: string, place: string) {
    const hash = createHash('sha256').update(place).digest('hex').slice(0, 16);
    this.path = join(stateDir, `deletes-${hash}.json`);
  }

  /** Throws a system error, or a `SyntaxError` when the file is damaged. */
  read(): KeptState | undefined {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    // Paths are latin1 characters, which JSON carries as they are.
    return JSON.parse(text) as KeptState;
  }

  /** The old content or the new one is there at any moment, also after the machine went down. Throws a system error. */
  write(state: KeptState): void {
    const isEmpty = !state.isHolding && !state.isFirstSync && state.kept.length === 0;
    writeDurably(this.path, isEmpty ? undefined : state);
  }
}
