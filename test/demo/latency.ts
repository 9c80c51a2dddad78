import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Imgsync } from '../support/imgsync.js';
import type { RsyncDaemon } from '../support/rsync-daemon.js';
import type { Tree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

const path = 'saved.html';

/**
 * Saves one file again and again, each time when all is quiet.
 * @returns ms from the end of each save until the last target has its content
 */
export const measureSaves = async (
  source: Tree,
  daemons: readonly RsyncDaemon[],
  imgsync: Imgsync,
  count: number,
): Promise<number[]> => {
  const latencies: number[] = [];
  for (let i = 0; i < count; i++) {
    const content = `saved for the ${i}th time\n`.repeat(100);
    const seen = imgsync.logs.length;
    source.write(path, content);
    const savedAt = performance.now();
    await untilContent(daemons, content);
    latencies.push(performance.now() - savedAt);
    await untilAcknowledged(imgsync, seen, daemons.length);
  }
  return latencies;
};

const untilContent = async (daemons: readonly RsyncDaemon[], content: string): Promise<void> => {
  let missing = daemons;
  while (missing.length > 0) {
    missing = missing.filter((daemon) => contentOf(daemon) !== content);
    if (missing.length > 0) await pause(1);
  }
};

const contentOf = (daemon: RsyncDaemon): string | undefined => {
  try {
    return readFileSync(daemon.tree.at(path), 'utf8');
  } catch {
    return undefined;
  }
};

/** The content is there a little before rsync ends: a save in between would wait for that. */
const untilAcknowledged = (imgsync: Imgsync, seen: number, targets: number): Promise<void> =>
  waitFor(
    () => {
      imgsync.assertRunning();
      const lines = imgsync.logs.slice(seen).filter(({ msg }) => msg === 'delivered');
      return new Set(lines.map(({ target }) => target)).size === targets;
    },
    { what: 'acknowledgement of a save by every target' },
  );

/** The smallest value that is not exceeded by `share` percent of them. */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((share / 100) * sorted.length) - 1)] ?? Number.NaN;
};
