import { isUtf8 } from 'node:buffer';
import type { CommandHook } from '../core/hook.js';
import { absoluteBytes, documentOf, type HookAction, type HookCall, HookFailure } from './hook-call.js';

/** Bytes of paths in one command line; the kernel takes at least 128 KiB with the environment. */
const maxArgumentBytes = 64 * 1024;
/** What is kept of standard error for the message of a failure. */
const keptBytes = 4_096;
/** How long its standard error is waited for once it has ended, ms. */
const restMs = 1_000;

/**
 * Runs the program in the source root, its own process group, so that a time limit ends all that it started. Beside its
 * arguments it gets `IMGSYNC_HOOK`, `IMGSYNC_TARGET` (not set without one), `IMGSYNC_SOURCE` and `IMGSYNC_ID`.
 */
export const commandAction =
  ({ argv, pass }: CommandHook): HookAction =>
  async (call, signal) => {
    const paths = call.changes.map(({ path }) => absoluteBytes(call.source, path));
    switch (pass) {
      case 'stdin':
        return run(argv, Buffer.concat(paths.flatMap((path) => [path, nul])), call, signal);
      case 'json':
        return run(argv, Buffer.from(`${await documentOf(call)}\n`), call, signal);
      case 'arguments': {
        for (const piece of pieces(paths.filter(isUtf8)))
          await run(withPaths(argv, piece), undefined, call, signal);
        const unfit = paths.filter((path) => !isUtf8(path)).length;
        if (unfit > 0)
          throw new HookFailure(
            `${unfit} names are not UTF-8 and can not be arguments: "pass": "stdin" carries them`,
          );
      }
    }
  };

const nul = Buffer.from([0]);

const withPaths = (argv: readonly string[], paths: readonly string[]): string[] =>
  argv.includes('{paths}')
    ? argv.flatMap((argument) => (argument === '{paths}' ? paths : argument))
    : [...argv, ...paths];

/** As many paths as one command line takes, again and again. */
function* pieces(paths: readonly Buffer[]): Generator<string[]> {
  let piece: string[] = [];
  let bytes = 0;
  for (const path of paths) {
    if (piece.length > 0 && bytes + path.length > maxArgumentBytes) {
      yield piece;
      piece = [];
      bytes = 0;
    }
    piece.push(path.toString('utf8'));
    bytes += path.length + 1;
  }
  if (piece.length > 0) yield piece;
}

const run = async (
  [program = '', ...args]: readonly string[],
  input: Buffer | undefined,
  { hook, target, source, id }: HookCall,
  signal: AbortSignal,
): Promise<void> => {
  // It takes long to load, and most configurations have no such hook.
  const { execa } = await import('execa');
  signal.throwIfAborted();
  const child = execa(program, args, {
    cwd: source,
    env: {
      IMGSYNC_HOOK: hook,
      IMGSYNC_SOURCE: source,
      IMGSYNC_ID: id,
      ...(target === undefined ? {} : { IMGSYNC_TARGET: target }),
    },
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
    stdout: 'ignore',
    stderr: 'pipe',
    buffer: false,
    // A group of its own: what it started ends with it.
    detached: true,
    reject: false,
  });
  let said = '';
  child.stderr?.on('data', (piece: Buffer) => {
    said = `${said}${piece.toString('latin1')}`.slice(-keptBytes);
  });
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  };
  signal.addEventListener('abort', kill, { once: true });
  // What it left behind in a session of its own may hold its standard error for ever.
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<Ended>((resolve) => {
    child.once('exit', (exitCode, name) => {
      timer = setTimeout(() => {
        child.stderr?.destroy();
        resolve({
          failed: exitCode !== 0,
          ...(exitCode === null ? {} : { exitCode }),
          ...(name === null ? {} : { signal: name }),
        });
      }, restMs);
    });
  });
  try {
    const result = await Promise.race<Ended>([child, end]);
    signal.throwIfAborted();
    if (result.failed) throw new HookFailure(reasonOf(program, result, said));
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', kill);
  }
};

/** How a program ended. */
interface Ended {
  readonly failed: boolean;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  /** errno's name when it could not be run. */
  readonly code?: string | undefined;
}

const reasonOf = (program: string, { exitCode, signal, code }: Ended, said: string): string => {
  const end =
    exitCode !== undefined
      ? `ended with ${exitCode}`
      : signal !== undefined
        ? `was ended by ${signal}`
        : `could not be run: ${code ?? 'unknown reason'}`;
  const line = said.trim().split('\n').at(-1)?.trim() ?? '';
  const text = Buffer.from(line, 'latin1')
    .toString('utf8')
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 200);
  return `${program} ${end}${text === '' ? '' : `: ${text}`}`;
};
