import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { atEnd, type Scope } from '../../test/support/scope.js';

/** What the process that asks is told. */
export interface AskOrder {
  readonly port: number;
  readonly count: number;
  readonly perSecond: number;
}

/** How the requests ended. */
export interface Answers {
  /** With status 200 and a body. */
  readonly ok: number;
  /** Any other status, or error code -> how many. */
  readonly others: Readonly<Record<string, number>>;
}

/**
 * A process of its own that asks for status and metrics in turns: whoever measures is not kept busy by it.
 * @returns `ask` resolves when every request was answered or failed
 */
export const startAsking = (
  scope: Scope,
  port: number,
): { ask(count: number, perSecond: number): Promise<Answers> } => {
  const child = fork(fileURLToPath(new URL('./requests-child.js', import.meta.url)));
  atEnd(scope, async () => {
    if (child.exitCode !== null) return;
    const exited = once(child, 'exit');
    child.disconnect();
    await exited;
  });
  return {
    ask: async (count, perSecond) => {
      child.send({ port, count, perSecond } satisfies AskOrder);
      const [answers] = (await once(child, 'message')) as [Answers];
      return answers;
    },
  };
};
