import { monitorEventLoopDelay } from 'node:perf_hooks';

const resolutionMs = 1;

/** By how much timers were late, ms. */
export interface EventLoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Begins to measure how late the timers of this thread are. @returns what gives the figures so far */
export const measureEventLoopDelay = (): (() => EventLoopDelay) => {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  // What it holds are the pauses between its timers.
  const late = (ns: number) => Math.max(0, ns / 1e6 - resolutionMs);
  return () => ({
    p50: late(histogram.percentile(50)),
    p99: late(histogram.percentile(99)),
    max: late(histogram.max),
  });
};
