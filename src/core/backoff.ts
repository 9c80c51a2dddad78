export interface BackoffLimits {
  /** Delay before the first retry, ms. */
  readonly minMs: number;
  /** No delay is longer than this, ms. */
  readonly maxMs: number;
}

/**
 * Delay before a retry: doubles with each attempt up to `maxMs`, of which the upper half is random so that many
 * targets behind one failed link don't come back in step.
 * @param attempt 1 for the first retry
 * @param random number in [0, 1)
 * @returns ms
 */
export const backoffDelayMs = (attempt: number, { minMs, maxMs }: BackoffLimits, random: number): number => {
  const full = Math.min(maxMs, minMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(full / 2 + (full / 2) * random);
};
