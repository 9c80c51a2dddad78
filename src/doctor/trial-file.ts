import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Target } from '../core/target.js';
import { connectArgs, destinationOf } from '../transfer/rsync-args.js';
import { rsyncEnvironment } from '../transfer/rsync-environment.js';
import { verdictOf } from '../transfer/rsync-exit.js';
import { type ProgramEnd, runProgram } from './program.js';

/** Allowed options that lead to the target; the others may move, hide or keep what is written. */
const leading = /^(?:--rsync-path=|--address=|--ipv[46]$|-[46]$|--blocking-io$|--remote-option=|-M)/;

/** Shorter timeouts of a daemon are told, seconds. */
export const longestTimeout = 60;
const shortTimeout = 15;
const uncut = new AbortController().signal;

/** rsyncs that carry one small hidden file to a target and take it away again, and touch nothing else. */
export class TrialFile {
  readonly #name = `.imgsync-fast-doctor-${randomUUID()}`;
  readonly #folder = mkdtempSync(join(tmpdir(), 'imgsync-fast-doctor-'));
  readonly #empty = mkdtempSync(join(tmpdir(), 'imgsync-fast-doctor-'));

  constructor(
    private readonly target: Target,
    private readonly signal: AbortSignal,
  ) {
    writeFileSync(join(this.#folder, this.#name), 'written by imgsync-fast doctor, which removes it again\n');
  }

  /** Lists a directory of the target itself, and the file if it is there. A shorter timeout of the daemon is told on standard output. */
  list(destination = destinationOf(this.target)): Promise<ProgramEnd> {
    const told = ['--list-only', '--info=misc2', `--timeout=${longestTimeout}`];
    return this.#rsync([...told, `--include=/${this.#name}`, '--exclude=*', destination], '/');
  }

  write(): Promise<ProgramEnd> {
    const { tempDir } = this.target.rsync;
    const options = tempDir === undefined ? [] : [`--temp-dir=${tempDir}`];
    return this.#send(this.#folder, options, `/${this.#name}\0`);
  }

  /**
   * Named alone and with a leading slash, so that the directory that holds it is no part of the list: nothing else can
   * be deleted, and receivers that refuse other missing paths take this one (github.com/RsyncProject/rsync issue 910).
   */
  remove(isTrial: boolean): Promise<ProgramEnd> {
    const options = ['--delete-missing-args', '--max-delete=1', ...(isTrial ? ['-n'] : [])];
    // Whoever ends this early must not leave the file behind.
    return this.#send(this.#empty, options, `/${this.#name}\0`, uncut);
  }

  /** Sets the time of the target's directory to that of the source, as each batch does. */
  setTime(source: string): Promise<ProgramEnd> {
    return this.#send(source, ['-t', '--exclude=*'], './\0');
  }

  /** The file among what was listed. */
  foundIn(listed: readonly Listed[]): Listed | undefined {
    return listed.find(({ name }) => name === this.#name);
  }

  close(): void {
    for (const folder of [this.#folder, this.#empty]) rmSync(folder, { recursive: true, force: true });
  }

  #send(from: string, options: readonly string[], list: string, signal = this.signal): Promise<ProgramEnd> {
    const words = ['--from0', '--files-from=-', '--modify-window=-1', `--timeout=${shortTimeout}`];
    return this.#rsync([...options, ...words, './', destinationOf(this.target)], from, list, signal);
  }

  #rsync(args: readonly string[], cwd: string, input = '', signal = this.signal): Promise<ProgramEnd> {
    const { rsync } = this.target;
    const led = rsync.args.filter((arg) => leading.test(arg));
    return runProgram(rsync.path, [...led, ...connectArgs(this.target), '--no-motd', '--no-h', ...args], {
      // Lists come in the time zone of the reader.
      env: rsyncEnvironment({ TZ: 'UTC' }),
      signal,
      cwd,
      input,
    });
  }
}

/** An entry of a target as rsync lists it. */
export interface Listed {
  readonly name: string;
  /** Whole seconds since the epoch. */
  readonly mtimeSeconds: number;
}

/** Pure: the lines of `rsync --list-only`. */
export const parseList = (stdout: string): Listed[] =>
  [...stdout.matchAll(/^[-dlbcps]\S{9,} +[\d,]+ (\d{4})\/(\d\d)\/(\d\d) (\d\d:\d\d:\d\d) (.*)$/gm)].map(
    ([, year, month, day, time, name = '']) => ({
      name,
      mtimeSeconds: Date.parse(`${year}-${month}-${day}T${time}Z`) / 1_000,
    }),
  );

export interface RunFault {
  readonly text: string;
  readonly hint: string;
}

/** Why a run failed, with rsync's words; `undefined`: it did not. */
export const faultOf = (end: ProgramEnd): RunFault | undefined => {
  if (end.isLate)
    return { text: 'no answer in time', hint: 'is the target frozen? look at it and the network' };
  const verdict = verdictOf(end);
  if ('failure' in verdict) {
    const { code, text, hint } = verdict.failure;
    return { text: `${text} [${code}]`, hint };
  }
  if (verdict.verdict === 'acknowledge') return undefined;
  const [first = ''] = end.stderr.split('\n').filter((line) => line.trim() !== '');
  return {
    text: first.trim() || `rsync ended with ${end.exitCode}`,
    hint: "compare owner and mode of the target's directory with the user that receives there",
  };
};
