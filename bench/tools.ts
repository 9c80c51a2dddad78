import { spawnSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../test/support/run.js';

// The compiled bench lies in out/bench.
const sources = fileURLToPath(new URL('../../bench/tools', import.meta.url));
const programs = fileURLToPath(new URL('./tools', import.meta.url));
const tools = ['make', 'walk', 'follow'] as const;

/** Compiles the tools that are not up to date. */
export const buildTools = (): void => {
  mkdirSync(programs, { recursive: true });
  const header = changedAt(join(sources, 'tree.hpp'));
  for (const tool of tools) {
    const source = join(sources, `${tool}.cpp`);
    const program = join(programs, tool);
    if (changedAt(program) > Math.max(header, changedAt(source))) continue;
    const args = ['-O2', '-std=c++17', '-pthread', '-o', program, source];
    const { status } = spawnSync('g++', args, { stdio: 'inherit' });
    if (status !== 0) throw new Error(`g++ could not compile ${tool}.cpp`);
  }
};

const changedAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

const tool = (name: (typeof tools)[number], args: readonly (string | number)[]): Promise<string> =>
  run(join(programs, name), args.map(String));

/** Files of a generated tree: number i lies in directory i / perDirectory. */
export interface Files {
  readonly count: number;
  /** Number of the first. Default 0. */
  readonly first?: number;
  /** Default 100. */
  readonly perDirectory?: number;
  /** Smallest and largest size, bytes. Default 4096 both. */
  readonly bytes?: readonly [number, number];
  /** Of the numbers, only each `step`th, beginning at `offset`. Default all. */
  readonly step?: number;
  readonly offset?: number;
  /** Another one makes other contents. */
  readonly salt?: number;
  readonly threads?: number;
}

const make = async (
  action: 'write' | 'remove' | 'directories',
  root: string,
  {
    count,
    first = 0,
    perDirectory = 100,
    bytes = [4096, 4096],
    step = 1,
    offset = 0,
    salt = 0,
    threads = 2,
  }: Files,
): Promise<number> =>
  Number(
    await tool('make', [root, action, first, count, perDirectory, ...bytes, step, offset, salt, threads]),
  );

/** Writes the files, over those that are there. @returns how long it took, ms */
export const writeFiles = (root: string, files: Files): Promise<number> => make('write', root, files);

export const removeFiles = (root: string, files: Files): Promise<number> => make('remove', root, files);

/** Only the directories for the files. */
export const makeDirectories = (root: string, files: Files): Promise<number> =>
  make('directories', root, files);

export interface Walk {
  readonly ms: number;
  readonly directories: number;
  readonly entries: number;
}

/** The plain walk: the floor that a watcher can come near to. */
export const walk = async (root: string, ...options: readonly ('watch' | 'stat')[]): Promise<Walk> => {
  const [ms = 0, directories = 0, entries = 0] = (await tool('walk', [root, ...options]))
    .split(' ')
    .map(Number);
  return { ms, directories, entries };
};

export interface Followed {
  /** When the last entry that had to be waited for was equal, ms since the epoch. */
  readonly at: number;
  /** Entries that did not become equal. */
  readonly differences: number;
  readonly first: string;
}

/**
 * Waits until each target equals the source, which stands still. An entry that is not equal after `patienceMs` counts as
 * different. `loose`: but for the times of directories and the bytes
 * of files.
 */
export const follow = async (
  source: string,
  targets: readonly string[],
  { patienceMs, exactness }: { readonly patienceMs: number; readonly exactness: 'loose' | 'exact' },
): Promise<Followed[]> => {
  const output = await tool('follow', [source, patienceMs, exactness, ...targets]);
  return output
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [at, differences, ...first] = line.split(' ');
      return { at: Number(at), differences: Number(differences), first: first.join(' ') };
    });
};
