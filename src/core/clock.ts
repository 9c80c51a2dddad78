/** Time as the replicas see it; tests bring their own. */
export interface Clock {
  /** Wall clock, ms since the epoch. */
  now(): number;
  /** Calls back once after `delayMs`; the returned function takes it back. Keeps no process alive. */
  after(delayMs: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs).unref();
    return () => clearTimeout(timer);
  },
};
