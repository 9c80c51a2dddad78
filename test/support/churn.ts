import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { atEnd, type Scope } from './scope.js';

export interface ChurnOptions {
  readonly seed: number;
  /** Threads that change the tree at the same time. */
  readonly threads: number;
  /** Operations of each thread. */
  readonly operations: number;
  /** Whether links may leave the tree; only a daemon with `use chroot` keeps them exact. Default: as root. */
  readonly wildLinks?: boolean;
}

/** What a churn did, operation -> how often it succeeded. */
export type ChurnCounts = Readonly<Record<string, number>>;

export interface ChurnWorkerData extends Required<Omit<ChurnOptions, 'threads'>> {
  readonly root: string;
}

/** Changes the tree at random in several threads at once. @returns when all of them are through */
export const churn = async (
  scope: Scope,
  root: string,
  { seed, threads, operations, wildLinks = process.getuid?.() === 0 }: ChurnOptions,
): Promise<ChurnCounts> => {
  const counts: Record<string, number> = {};
  await Promise.all(
    Array.from({ length: threads }, async (_, index) => {
      const workerData: ChurnWorkerData = { root, seed: seed + index * 7919, operations, wildLinks };
      const worker = new Worker(new URL('./churn-worker.js', import.meta.url), { workerData });
      atEnd(scope, () => worker.terminate());
      const [done] = (await once(worker, 'message')) as [ChurnCounts];
      for (const [name, count] of Object.entries(done)) counts[name] = (counts[name] ?? 0) + count;
    }),
  );
  return counts;
};
