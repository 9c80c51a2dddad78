import { chownSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type ConvergeOptions, waitForEqual } from './converge.js';
import { type Ending, type ProcessGroup, startGroup } from './process-group.js';
import type { Scope } from './scope.js';
import { tempDirectory } from './temp-tree.js';
import { waitFor } from './wait-for.js';

/** What sync.json holds; `stateDir` and `log` are added. */
export interface SyncJson {
  readonly source: string;
  readonly targets: readonly (string | Readonly<Record<string, unknown>>)[];
  readonly [key: string]: unknown;
}

/** One line of the log, as pino writes it. */
export interface LogLine {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
  /** RFC 3339, ms. */
  readonly ts: string;
  readonly msg: string;
  readonly target?: string;
  readonly [key: string]: unknown;
}

const unquiet = new Set(['warn', 'error', 'fatal']);
/** The command as the tests compiled it. */
const compiledCommand = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** `imgsync-fast` as a process of its own. */
export class Imgsync {
  /** Every log line so far. */
  readonly logs: LogLine[] = [];
  /** What was written beside log lines. */
  readonly output: string[] = [];
  #listener: (line: LogLine) => void = () => {};

  constructor(
    private readonly group: ProcessGroup,
    private readonly source: string,
    /** Its sync.json. */
    readonly file: string,
  ) {
    for (const stream of [group.leader.stdout, group.leader.stderr] as Readable[]) {
      createInterface({ input: stream }).on('line', (text) => this.#read(text));
    }
  }

  get pid(): number {
    return this.group.id;
  }

  /** Resolves when it ended by itself or was stopped. */
  get ended(): Promise<Ending> {
    return this.group.ended;
  }

  /** Largest amount of memory that the process ever held, bytes. Only while it runs. */
  get peakRssBytes(): number {
    const [, kibibytes] =
      /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'latin1')) ?? [];
    return Number(kibibytes) * 1024;
  }

  /** Calls back for every further line of the log. */
  onLog(listener: (line: LogLine) => void): void {
    this.#listener = listener;
  }

  /** Resolves when every directory is watched. */
  async ready(): Promise<void> {
    await this.waitForLog(({ msg }) => msg === 'watching', 'line "watching"');
  }

  /** Waits for a line of the log, one that was already written included. */
  async waitForLog(matches: (line: LogLine) => boolean, what: string): Promise<LogLine> {
    let found: LogLine | undefined;
    await waitFor(
      () => {
        found = this.logs.find(matches);
        if (found === undefined) this.assertRunning();
        return found !== undefined;
      },
      { what },
    ).catch(this.#explain);
    return found as LogLine;
  }

  /** Waits until all these trees equal the source. */
  async settled(targets: readonly string[], options: ConvergeOptions = {}): Promise<void> {
    await waitForEqual(this.source, targets, { check: () => this.assertRunning(), ...options }).catch(
      this.#explain,
    );
  }

  /** Stops the process in its tracks; the kernel goes on to gather events for it. */
  freeze(): void {
    this.group.leader.kill('SIGSTOP');
  }

  thaw(): void {
    this.group.leader.kill('SIGCONT');
  }

  /** Asks it to stop. @returns how it ended */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ending> {
    if (this.group.ending === undefined) this.group.leader.kill(signal);
    const ending = await this.group.ended;
    return ending;
  }

  assertRunning(): void {
    if (this.group.ending !== undefined)
      throw new Error(`imgsync-fast ended: ${JSON.stringify(this.group.ending)}`);
  }

  #read(text: string): void {
    if (!text.startsWith('{')) {
      this.output.push(text);
      return;
    }
    const line = JSON.parse(text) as LogLine;
    this.logs.push(line);
    this.#listener(line);
  }

  /** A failure without what the daemon said about it would be a riddle. */
  readonly #explain = (error: unknown): never => {
    const status = this.logs.filter(({ msg }) => msg === 'status').slice(-1);
    const warnings = this.logs.filter(({ level }) => unquiet.has(level)).slice(-20);
    const last = this.logs.filter(({ msg }) => msg !== 'status').slice(-20);
    const lines = [
      ...this.output.slice(-20),
      ...[...new Set([...warnings, ...last, ...status])].map((line) => JSON.stringify(line)),
    ];
    throw new Error(`${String(error)}\nimgsync-fast said last:\n  ${lines.join('\n  ')}`, { cause: error });
  };
}

export interface StartOptions {
  /** The compiled command; by default the one that was compiled with the tests. */
  readonly command?: string;
  /** Further arguments of the command line. */
  readonly args?: readonly string[];
  /** Further arguments of node. */
  readonly nodeArgs?: readonly string[];
  /** User and group that it runs as; only as root. */
  readonly userId?: number;
  /** Further variables of its environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Writes sync.json and starts the command with it; it is killed when the scope ends, should it still run. */
export const startImgsync = (
  scope: Scope,
  config: SyncJson,
  { command = compiledCommand, args = [], nodeArgs = [], userId, env }: StartOptions = {},
): Imgsync => {
  const folder = tempDirectory(scope, 'state');
  const file = join(folder, 'sync.json');
  const json = { stateDir: join(folder, 'state'), log: { level: 'debug', pretty: false }, ...config };
  writeFileSync(file, JSON.stringify(json));
  if (userId !== undefined) for (const path of [folder, file]) chownSync(path, userId, userId);
  const group = startGroup(
    scope,
    process.execPath,
    ['--enable-source-maps', ...nodeArgs, command, '--config', file, ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(userId === undefined ? {} : { uid: userId, gid: userId }),
      ...(env === undefined ? {} : { env: { ...process.env, ...env } }),
    },
  );
  return new Imgsync(group, config.source, file);
};
