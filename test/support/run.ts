import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Runs a program to its end. @returns its standard output; rejects when it fails */
export const run = async (
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> => {
  const { cwd, env } = options;
  const { stdout } = await execute(program, args, {
    maxBuffer: 1 << 26,
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  return stdout;
};

/** Runs lines of a shell in this directory; ends at the first that fails. */
export const shell = (cwd: string, script: string): Promise<string> => run('sh', ['-euc', script], { cwd });

/** Runs Python, for system calls that node doesn't have. `args` are in `sys.argv[1:]`. */
export const python = (cwd: string, script: string, ...args: readonly string[]): Promise<string> =>
  run('python3', ['-c', script, ...args], { cwd });
