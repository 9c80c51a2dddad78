import { readFile } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { type ChildProcess, startChild } from './child-process.js';
import { type ItemizedLine, ReportReader, type RsyncReport } from './itemized.js';
import type { TransferProgress } from './messages.js';
import { type RsyncCall, rsyncArgs } from './rsync-args.js';

/** What of a child's standard error is kept, characters: some paths that failed are told nowhere else. */
const stderrLimit = 16 * 1024 ** 2;
/** A child that was asked to end and does not is killed after this time, ms. It takes its temporary file away first. */
const graceMs = 2_000;
/** Fewer bytes than this between two looks are keep-alives, not progress. */
const progressBytes = 512;
/** Pause between two reports of progress, ms. */
const progressMs = 250;

export interface RsyncRun {
  /** `undefined` when a signal ended the child or it could not be started. */
  readonly exitCode: number | undefined;
  /** errno's name when it could not be started. */
  readonly startError: string | undefined;
  readonly stderr: string;
  readonly report: RsyncReport;
  readonly durationMs: number;
  /** Why the child was ended from here. */
  readonly endedFor: 'cancel' | 'stall' | 'stray' | undefined;
}

/** Who listens to a run. */
export interface RunListener {
  readonly signal: AbortSignal;
  readonly onItem?: ((line: ItemizedLine) => void) | undefined;
  /** Whether an item does not lie in the source: then the run is ended. */
  readonly strays?: ((line: ItemizedLine) => boolean) | undefined;
  /** Called a few times a second while something moves. */
  readonly onProgress?: ((progress: TransferProgress) => void) | undefined;
}

export interface RsyncOptions {
  /** Directory to run in: the source root, by its descriptor. */
  readonly rootFd: number;
  readonly env: NodeJS.ProcessEnv;
  /** Where the list comes from: a descriptor, or a pipe into which it is written later. */
  readonly stdin: number | 'pipe';
}

/** One rsync from its start until it is gone. Never rejects for what rsync does. */
export class RsyncChild {
  readonly #child: ChildProcess;
  readonly #timeoutSeconds: number;
  #stderr = '';
  #endedFor: RsyncRun['endedFor'];
  /** What comes before anyone listens is kept. */
  #stdout = '';
  #reader: ReportReader | undefined;
  #tellProgress = () => {};

  constructor(call: RsyncCall, options: RsyncOptions) {
    this.#timeoutSeconds = call.target.rsync.timeoutSeconds;
    const { rootFd, env, stdin } = options;
    this.#child = startChild({
      file: call.target.rsync.path,
      args: rsyncArgs(call),
      cwdFd: rootFd,
      env,
      stdin,
      onStdout: (text) => this.#read(text),
      onStderr: (text) => {
        if (this.#stderr.length < stderrLimit) this.#stderr += text;
      },
    });
  }

  /** The end of the list's pipe that is written to. */
  get stdin(): Writable | undefined {
    return this.#child.stdin;
  }

  /** Resolves when it is gone. */
  get gone(): Promise<unknown> {
    return this.#child.ended;
  }

  /** Listens until it is gone. */
  async follow({ signal, onItem, strays, onProgress }: RunListener): Promise<RsyncRun> {
    const startedAt = performance.now();
    const reader = new ReportReader((item) => {
      const isStray = strays?.(item) === true;
      if (isStray && this.#endedFor === undefined) this.end('stray');
      onItem?.(item);
    });
    this.#tellProgress = throttled(() => onProgress?.(reader.moved));
    this.#reader = reader;
    this.#read('');
    const onAbort = () => this.end('cancel');
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    const child = this.#child;
    const stopWatching = watchProgress(child.pid, this.#timeoutSeconds, () => this.end('stall'));
    const { exitCode, startError } = await child.ended;
    stopWatching();
    signal.removeEventListener('abort', onAbort);
    return {
      exitCode,
      startError,
      stderr: this.#stderr,
      report: reader.end(),
      durationMs: performance.now() - startedAt,
      endedFor: this.#endedFor,
    };
  }

  /** Asks it to end, and kills it when it does not. */
  end(reason: NonNullable<RsyncRun['endedFor']>): void {
    this.#endedFor ??= reason;
    const { pid } = this.#child;
    if (pid === undefined) return;
    signalGroup(pid, 'SIGTERM');
    const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs);
    void this.#child.ended.then(() => clearTimeout(timer));
  }

  #read(text: string): void {
    this.#stdout += text;
    if (this.#reader === undefined) return;
    this.#reader.push(this.#stdout);
    this.#stdout = '';
    this.#tellProgress();
  }
}

/** Calls through at most once in {@link progressMs}; the last call of all may be left out. */
const throttled = (call: () => void): (() => void) => {
  let nextAt = performance.now() + progressMs;
  return () => {
    const now = performance.now();
    if (now < nextAt) return;
    nextAt = now + progressMs;
    call();
  };
};

const signalGroup = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-pid, signal);
  } catch {
    // Already gone.
  }
};

/**
 * Watches that a child gets on: `--timeout` does not end a call to a frozen receiver, since rsync takes its own
 * keep-alives for progress. Between them a stalled child moves next to no bytes.
 */
const watchProgress = (
  pid: number | undefined,
  timeoutSeconds: number,
  onStall: () => void,
): (() => void) => {
  if (pid === undefined || timeoutSeconds === 0) return () => {};
  let movedBytes = -1;
  let quietSince = performance.now();
  const timer = setInterval(
    async () => {
      const moved = await bytesMoved(pid);
      if (moved === undefined) return;
      if (moved - movedBytes >= progressBytes || movedBytes < 0) {
        movedBytes = moved;
        quietSince = performance.now();
      } else if (performance.now() - quietSince > 2 * timeoutSeconds * 1000) {
        onStall();
      }
    },
    Math.min(5_000, timeoutSeconds * 250),
  ).unref();
  return () => clearInterval(timer);
};

/** Bytes that a process has read and written so far: `rchar` and `wchar` of proc(5). */
const bytesMoved = async (pid: number): Promise<number | undefined> => {
  try {
    const text = await readFile(`/proc/${pid}/io`, 'latin1');
    let bytes = 0;
    for (const [, digits] of text.matchAll(/^[rw]char: (\d+)$/gm)) bytes += Number(digits);
    return bytes;
  } catch {
    return undefined;
  }
};
