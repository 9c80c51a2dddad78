import { fork, spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { atEnd, type Scope } from '../../test/support/scope.js';
import type { EventLoopDelay } from './event-loop-delay.js';
import { SeenFiles } from './seen-files.js';
import type { WatchAnswer, WatchKind } from './watch-child.js';

/** A watcher of a tree in a process of its own. */
export interface RunningWatcher {
  /** From the call that begins to watch until nothing is missed any more, ms. */
  readonly liveMs: number;
  /** Largest amount of memory that the process held so far, bytes. */
  peakBytes(): number;
  report(): Promise<WatchReport>;
}

export interface WatchReport {
  /** Generated files of which it told. */
  readonly seen: number;
  /** By how much the main thread's timers were late, ms; not of programs that have none. */
  readonly delay?: EventLoopDelay;
}

export type Watch = (scope: Scope, root: string) => Promise<RunningWatcher>;

/** One of the watchers for node. */
export const nodeWatcher =
  (kind: WatchKind): Watch =>
  async (scope, root) => {
    const child = fork(fileURLToPath(new URL('./watch-child.js', import.meta.url)), [kind, root]);
    atEnd(scope, async () => {
      if (child.exitCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    });
    const answers = on(child, 'message', { close: ['exit'] });
    const answer = async (): Promise<WatchAnswer> => {
      const next = await answers.next();
      if (next.done === true) throw new Error(`the watcher ${kind} ended`);
      return next.value[0] as WatchAnswer;
    };
    const { liveMs } = await answer();
    return {
      liveMs,
      peakBytes: () => peakBytes(child.pid as number),
      report: async () => {
        child.send('report');
        const { seen, delay } = await answer();
        return { seen, delay };
      },
    };
  };

export const inotifywait: Watch = async (scope, root) => {
  const startedAt = performance.now();
  const child = spawn('inotifywait', ['-m', '-r', '-e', 'create', '--format', '%w%f', root], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  atEnd(scope, () => child.kill('SIGKILL'));
  const seen = new SeenFiles();
  let rest = '';
  (child.stdout as Readable).setEncoding('latin1').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) seen.add(line);
  });
  for await (const line of createInterface({ input: child.stderr as Readable })) {
    if (line.includes('Watches established')) break;
    if (line.includes("Couldn't")) throw new Error(line);
  }
  return {
    liveMs: performance.now() - startedAt,
    peakBytes: () => peakBytes(child.pid as number),
    report: async () => ({ seen: seen.count }),
  };
};

const peakBytes = (pid: number): number => {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return Number(kibibytes) * 1024;
};
