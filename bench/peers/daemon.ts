import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { atEnd, type Scope } from '../../test/support/scope.js';
import { tempDirectory } from '../../test/support/temp-tree.js';
import type { Stage } from '../stage.js';
import type { EventLoopDelay } from './event-loop-delay.js';

/** imgsync-fast's daemon in a process that measures how late its main thread's timers are. */
export const daemonProcess = async (
  scope: Scope,
  { source, daemons }: Stage,
): Promise<{ delay(): Promise<EventLoopDelay> }> => {
  const folder = tempDirectory(scope, 'state');
  const file = join(folder, 'sync.json');
  const targets = daemons.map(({ url }, index) => ({ name: `target${index}`, url }));
  writeFileSync(file, JSON.stringify({ source: source.path, targets, stateDir: join(folder, 'state') }));
  const child = fork(fileURLToPath(new URL('./daemon-child.js', import.meta.url)), [file]);
  atEnd(scope, async () => {
    if (child.exitCode !== null) return;
    const exited = once(child, 'exit');
    child.disconnect();
    await exited;
  });
  const answer = async () => {
    const [delay] = (await once(child, 'message')) as [EventLoopDelay];
    return delay;
  };
  await answer();
  return {
    delay: () => {
      child.send('report');
      return answer();
    },
  };
};
