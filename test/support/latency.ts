import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { RsyncDaemon } from './rsync-daemon.js';
import type { Tree } from './temp-tree.js';

const path = 'saved.html';
/** Of this process: a content that was there before would be found at once. */
let saved = 0;

/**
 * Saves one file again and again, each time when all is quiet.
 * @param beforeSave called before each save; what it gives is waited for after it, so that the next one comes when the
 *   replicator is idle
 * @param limitMs a save that is not everywhere after this time will not come: rejects
 * @returns ms from the end of each save until the last target has its content
 */
export const measureSaves = async (
  source: Tree,
  daemons: readonly RsyncDaemon[],
  count: number,
  beforeSave: (index: number) => () => Promise<void>,
  limitMs = 60_000,
): Promise<number[]> => {
  const latencies: number[] = [];
  for (let i = 0; i < count; i++) {
    // Of another size each time: a plain rsync compares sizes and seconds.
    const content = `saved for the ${++saved}th time\n`.repeat(100 + (saved % 10));
    const untilQuiet = beforeSave(i);
    source.write(path, content);
    const savedAt = performance.now();
    await untilContent(daemons, path, content, limitMs);
    latencies.push(performance.now() - savedAt);
    await untilQuiet();
  }
  return latencies;
};

/** Waits until the file has this content at every target. */
export const untilContent = (
  daemons: readonly RsyncDaemon[],
  file: string,
  content: string,
  limitMs?: number,
): Promise<void> =>
  untilAllHave(
    daemons.map(({ tree }) => tree),
    file,
    content,
    limitMs,
  );

/** The same for the trees of targets. */
export const untilAllHave = async (
  targets: readonly Tree[],
  file: string,
  content: string,
  limitMs = 60_000,
): Promise<void> => {
  const until = performance.now() + limitMs;
  let missing = targets;
  while (missing.length > 0) {
    missing = missing.filter((target) => contentOf(target, file) !== content);
    if (performance.now() > until) throw new Error(`a save did not reach ${missing.length} targets`);
    if (missing.length > 0) await pause(1);
  }
};

const contentOf = (target: Tree, file: string): string | undefined => {
  try {
    return readFileSync(target.at(file), 'utf8');
  } catch {
    return undefined;
  }
};

/** The smallest value that is not exceeded by `share` percent of them. */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((share / 100) * sorted.length) - 1)] ?? Number.NaN;
};
