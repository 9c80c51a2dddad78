import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Change, unpackChanges } from '../../src/core/change.js';
import type { NativeMessage, NativeWatcherOptions } from '../../src/native/addon.js';
import { atEnd, type Scope } from './scope.js';

type Message = Exclude<NativeMessage, { type: 'changes' }>;
/** One line of the program's output. */
export type Answer = { packed: string } | { message: Message } | { drained: true } | { done: true };

const program = fileURLToPath(new URL('./watch-program.js', import.meta.url));

/** A watcher in a process of its own. */
export class WatchProcess {
  readonly #changes: Change[] = [];
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;

  constructor(readonly child: ChildProcess) {
    if (child.stdout === null) throw new Error('no stdout');
    this.#lines = createInterface({ input: child.stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  /** Waits for the next message that is not about changes. */
  async message(): Promise<Message> {
    const answer = await this.#next('message');
    return (answer as { message: Message }).message;
  }

  /** Runs a shell command in the process, with all that is special about it. */
  async sh(command: string): Promise<void> {
    this.say(`sh ${command}`);
    await this.#next('done');
  }

  /** The changes since the last call. */
  async take(): Promise<Change[]> {
    this.say('drain');
    await this.#next('drained');
    return this.#changes.splice(0);
  }

  say(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  async #next(key: 'message' | 'done' | 'drained'): Promise<Answer> {
    for (;;) {
      const line = await this.#answers.next();
      if (line.done === true) throw new Error('the watching process has ended');
      const answer = JSON.parse(line.value) as Answer;
      if ('packed' in answer) this.#changes.push(...unpackChanges(Buffer.from(answer.packed, 'latin1')));
      else if (key in answer) return answer;
    }
  }
}

/**
 * Watches in a process of its own, which is killed when the scope ends.
 * @param wrap program and arguments that start it, such as `unshare`; none: node itself
 */
export const watchInProcess = (
  scope: Scope,
  options: NativeWatcherOptions,
  wrap: readonly string[] = [],
  spawnOptions: SpawnOptions = {},
): WatchProcess => {
  const [command, ...args] = [...wrap, process.execPath, program, JSON.stringify(options)];
  const child = spawn(command ?? '', args, { ...spawnOptions, stdio: ['pipe', 'pipe', 'inherit'] });
  atEnd(scope, async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  });
  return new WatchProcess(child);
};
