import type { VerifyOutcome } from '../transfer/messages.js';
import type { Running } from '../transfer/pool.js';

interface Followed {
  readonly running: Pick<Running<VerifyOutcome>, 'progress'>;
  /** How many there are to compare. */
  readonly entries: number;
}

/** What is known of the verifications of one target, for the metrics. */
export class Verifications {
  /** Paths that differed, in all verifications since the start. */
  drifted = 0;
  readonly #running = new Set<Followed>();

  /** How much of its entries the running one has compared, from 0 to 1; 1 when none runs, of several the least. */
  get ratio(): number {
    return Math.min(1, ...Array.from(this.#running, shareOf));
  }

  /** Follows one until it has ended. @returns its outcome */
  async follow(running: Running<VerifyOutcome>, entries: number): Promise<VerifyOutcome> {
    const followed = { running, entries };
    this.#running.add(followed);
    try {
      return await running.outcome;
    } finally {
      this.#running.delete(followed);
    }
  }
}

const shareOf = ({ running, entries }: Followed): number =>
  entries === 0 ? 0 : running.progress.files / entries;
