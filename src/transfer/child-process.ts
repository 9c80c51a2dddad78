import { Socket } from 'node:net';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { execa } from 'execa';
import { loadAddon, type NativeChild } from '../native/addon.js';
import { followOutput } from './child-output.js';

export interface ChildOptions {
  /** A path, or a name that is looked for in the `PATH` of `env`. */
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Descriptor of the directory that it runs in. */
  readonly cwdFd: number;
  /** What it reads: a descriptor, or a pipe. */
  readonly stdin: number | 'pipe';
  /** Told what it writes, latin1: one character for each byte; with pauses while it runs. */
  readonly onStdout: (text: string) => void;
  readonly onStderr: (text: string) => void;
}

export interface ChildEnd {
  /** `undefined` when a signal ended it or it could not be started. */
  readonly exitCode: number | undefined;
  /** errno's name when it could not be started. */
  readonly startError: string | undefined;
}

export interface ChildProcess {
  /** Also the number of its process group; `undefined` when it could not be started. */
  readonly pid: number | undefined;
  /** The end of its pipe that is written to. */
  readonly stdin: Writable | undefined;
  /** Resolves when it is gone and all that it wrote was told; never rejects. */
  readonly ended: Promise<ChildEnd>;
}

/** Only where the addon can't start children: it takes longer to load than all the rest of a thread. */
let startByExeca: ((options: ChildOptions) => ChildProcess) | undefined;

/** Has to be awaited before the first {@link startChild}. */
export const prepareToStart = async (): Promise<void> => {
  if (!loadAddon().canStartChildren()) startByExeca ??= await loadExeca();
};

/**
 * Starts a program in a session of its own: no terminal to ask for passwords, and a group that holds what it starts. Never
 * throws for what the program does.
 */
export const startChild = (options: ChildOptions): ChildProcess => {
  try {
    return startByAddon(options);
  } catch (error) {
    const { code = 'EUNKNOWN' } = error as NodeJS.ErrnoException;
    if (code === 'ENOSYS' && startByExeca !== undefined) return startByExeca(options);
    const ended = Promise.resolve({ exitCode: undefined, startError: code });
    return { pid: undefined, stdin: undefined, ended };
  }
};

/** Throws with the errno's name as `code` when it can't be started. */
export const startByAddon = (options: ChildOptions): ChildProcess => {
  const { file, args, env, cwdFd, stdin } = options;
  const child = loadAddon().startChild({
    files: filesFor(file, env),
    args: [file, ...args],
    env: Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : `${name}=${value}`)),
    cwdFd,
    stdin: stdin === 'pipe' ? undefined : stdin,
  });
  const outputs = [
    followOutput(child.stdout, options.onStdout, child.ended),
    follow(new Socket({ fd: child.stderr, readable: true, writable: false }), options.onStderr),
  ];
  return { pid: child.pid, stdin: inputOf(child), ended: endOf(child, outputs) };
};

const inputOf = ({ stdin }: NativeChild): Writable | undefined =>
  stdin === undefined ? undefined : new Socket({ fd: stdin, readable: false, writable: true });

const endOf = async ({ ended }: NativeChild, outputs: readonly Promise<unknown>[]): Promise<ChildEnd> => {
  // Who else waits for children of this process takes the exit status away: then it counts as killed.
  const [{ exitCode }] = await Promise.all([ended.catch(() => ({ exitCode: undefined })), ...outputs]);
  return { exitCode, startError: undefined };
};

/** For kernels that do not tell the end of a process by a descriptor. */
export const loadExeca = async (): Promise<(options: ChildOptions) => ChildProcess> => {
  const { execa } = await import('execa');
  return (options) => startBy(execa, options);
};

const startBy = (
  start: typeof execa,
  { file, args, env, cwdFd, stdin, onStdout, onStderr }: ChildOptions,
): ChildProcess => {
  const child = start(file, args, {
    cwd: `/proc/self/fd/${cwdFd}`,
    env,
    extendEnv: false,
    detached: true,
    // execa takes every descriptor, its types only the first ten.
    stdin: stdin as 'pipe',
    encoding: 'latin1',
    buffer: false,
    reject: false,
  });
  void follow(child.stdout, onStdout);
  void follow(child.stderr, onStderr);
  const ended = child.then(({ exitCode, code }) => ({
    exitCode,
    startError: child.pid === undefined ? (code ?? 'EUNKNOWN') : undefined,
  }));
  return { pid: child.pid, stdin: stdin === 'pipe' ? child.stdin : undefined, ended };
};

/** Resolves at the end, also at that of a stream that fails. */
const follow = (stream: Readable, onText: (text: string) => void): Promise<void> =>
  new Promise((resolve) => {
    stream
      .setEncoding('latin1')
      .on('data', onText)
      .on('error', () => {})
      .once('close', resolve);
  });

const filesFor = (file: string, { PATH = '/usr/local/bin:/usr/bin:/bin' }: NodeJS.ProcessEnv): string[] =>
  file.includes('/') ? [file] : PATH.split(delimiter).map((folder) => join(folder, file));
