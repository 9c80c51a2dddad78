import { execa } from 'execa';

export interface ProgramEnd {
  /** `undefined` when a signal ended it or it could not be started. */
  readonly exitCode: number | undefined;
  /** errno's name when it could not be started. */
  readonly startError: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Its time was over. */
  readonly isLate: boolean;
}

export interface ProgramOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  /** Default: nothing. */
  readonly input?: string;
  readonly cwd?: string;
  /** Default 20,000. */
  readonly limitMs?: number;
}

/** Runs a program to its end in a session of its own: it has no terminal to ask on, and all that it starts ends with it. */
export const runProgram = async (
  file: string,
  args: readonly string[],
  { env, signal, input = '', cwd, limitMs = 20_000 }: ProgramOptions,
): Promise<ProgramEnd> => {
  const child = execa(file, args, {
    env,
    extendEnv: false,
    input,
    detached: true,
    reject: false,
    maxBuffer: 1 << 20,
    stripFinalNewline: false,
    ...(cwd === undefined ? {} : { cwd }),
  });
  let isLate = false;
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  };
  const timer = setTimeout(() => {
    isLate = true;
    kill();
  }, limitMs);
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  const { exitCode, code, stdout, stderr } = await child;
  clearTimeout(timer);
  signal.removeEventListener('abort', kill);
  return {
    exitCode,
    startError: child.pid === undefined ? (code ?? 'EUNKNOWN') : undefined,
    stdout: stdout ?? '',
    stderr: stderr ?? '',
    isLate,
  };
};
