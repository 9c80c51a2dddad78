import { type CompareOptions, compareTrees } from './compare-trees.js';
import { waitFor } from './wait-for.js';

export interface ConvergeOptions extends CompareOptions {
  /** Called before each look; throws when waiting has become pointless. */
  readonly check?: () => void;
  readonly limitMs?: number;
  /** How often in a row they have to be found equal. Default 2: a transfer that still runs must not undo it. */
  readonly looks?: number;
}

/** Waits until every target equals the source. Rejects with the differences that remained. */
export const waitForEqual = async (
  source: string,
  targets: readonly string[],
  { check = () => {}, limitMs = 180_000, looks = 2, ...options }: ConvergeOptions = {},
): Promise<void> => {
  const differences = async (): Promise<true | string> => {
    check();
    for (const [index, target] of targets.entries()) {
      const found = await compareTrees(source, target, { limit: 5, ...options });
      if (found.length > 0) return `target ${index + 1} of ${targets.length}:\n  ${found.join('\n  ')}`;
    }
    return true;
  };
  await waitFor(
    async () => {
      for (let look = 0; look < looks; look++) {
        const found = await differences();
        if (found !== true) return found;
      }
      return true;
    },
    { what: 'equal trees', limitMs },
  );
};
