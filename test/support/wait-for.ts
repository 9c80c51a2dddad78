import { setTimeout as pause } from 'node:timers/promises';

export interface WaitOptions {
  /** What is waited for, for the message of the failure. */
  readonly what: string;
  /** Generous: it only ends a test that would never end. Default 120,000. */
  readonly limitMs?: number;
}

/**
 * Asks again and again until the condition holds.
 * @param condition gives `true`, or what still is in the way (`false` or a text)
 * Rejects with the last text when the limit is over, or with what the condition throws.
 */
export const waitFor = async (
  condition: () => boolean | string | Promise<boolean | string>,
  { what, limitMs = 120_000 }: WaitOptions,
): Promise<void> => {
  const until = performance.now() + limitMs;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 100)) {
    const found = await condition();
    if (found === true) return;
    if (performance.now() > until) {
      throw new Error(`${what}: not within ${limitMs / 1000} s${found === false ? '' : `: ${found}`}`);
    }
    await pause(pauseMs);
  }
};
