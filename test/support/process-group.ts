import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { atEnd, type Scope, tellJanitor } from './scope.js';
import { waitFor } from './wait-for.js';

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child process that leads a process group, so that its own children can be reached as well. */
export class ProcessGroup {
  #ending: Ending | undefined;
  #isGone = false;
  /** Resolves when the leader ended; never rejects. */
  readonly ended: Promise<Ending>;

  constructor(
    readonly leader: ChildProcess,
    /** Pid of the leader and number of the group. */
    readonly id: number,
  ) {
    this.ended = once(leader, 'exit').then(([code, signal]) => {
      this.#ending = { code, signal };
      return this.#ending;
    });
  }

  /** `undefined` while the leader runs. */
  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** Sends a signal to every process of the group; without any left, nothing happens. */
  signal(signal: NodeJS.Signals): void {
    // The number may belong to others by now.
    if (this.#isGone) return;
    try {
      process.kill(-this.id, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  /** Sends the signal and waits until every process of the group is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.#isGone) return;
    this.signal(signal);
    this.signal('SIGCONT');
    await this.ended;
    await waitFor(() => processesOf(this.id).length === 0, { what: `end of the processes of ${this.id}` });
    this.#isGone = true;
    tellJanitor(`ended ${this.id}`);
  }
}

/** Starts a program in a group of its own; what is left of the group when the scope ends is killed. */
export const startGroup = (
  scope: Scope,
  program: string,
  args: readonly string[],
  options: {
    readonly stdio: StdioOptions;
    readonly env?: NodeJS.ProcessEnv;
    readonly cwd?: string;
    readonly uid?: number;
    readonly gid?: number;
  },
): ProcessGroup => {
  const child = spawn(program, args, { ...options, detached: true });
  if (child.pid === undefined) {
    child.on('error', () => {});
    throw new Error(`${program} can't be started`);
  }
  tellJanitor(`group ${child.pid}`);
  const group = new ProcessGroup(child, child.pid);
  atEnd(scope, () => group.end('SIGKILL'));
  return group;
};

/** Pids of the living processes of a group. */
export const processesOf = (group: number): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        // pid (name) state ppid pgrp …; the name may hold anything.
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        const [state, , pgrp] = stat.slice(stat.lastIndexOf(') ') + 2).split(' ');
        return Number(pgrp) === group && state !== 'Z';
      } catch {
        return false; // It ended meanwhile.
      }
    })
    .map(Number);
