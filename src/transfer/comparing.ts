import type { Compare } from './rsync-args.js';
import type { RsyncRun } from './rsync-child.js';

/** How files are compared at the targets of a worker thread. */
export class Comparing {
  /** Names of targets whose daemon refuses to compare content. */
  readonly #refusing = new Set<string>();

  /** How it is done where `wish` may not be possible. A dry run has to tell what is not there yet, so it always compares. */
  of(target: string, wish: Compare, isDry: boolean): Compare {
    if (wish === 'quick') return wish;
    const isRefused = this.#refusing.has(target);
    if (isDry) return isRefused ? 'quick' : 'checksum';
    return isRefused ? 'never' : wish;
  }

  /** Runs it once more, in another way, when the target's daemon refuses this one. */
  async run(target: string, start: () => Promise<RsyncRun>): Promise<RsyncRun> {
    const isKnown = this.#refusing.has(target);
    const ended = await start();
    if (isKnown || !/configured to refuse --checksum/.test(ended.stderr)) return ended;
    this.#refusing.add(target);
    return start();
  }
}
