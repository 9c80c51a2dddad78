import { execSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { loadAddon, type NativeWatcherOptions } from '../../src/native/addon.js';
import type { Answer } from './watch-process.js';

// Watches a tree for a test that has to do it in a process of its own. Each line of stdin is `drain`, `exit`, or
// `sh` with a command.

const say = (answer: Answer): void => {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
};
const options = JSON.parse(process.argv[2] ?? '') as NativeWatcherOptions;
const watcher = new (loadAddon().Watcher)(options, (message) => {
  if (message.type === 'changes') say({ packed: message.packed.toString('latin1') });
  else say({ message });
});
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'drain') {
    await watcher.drain();
    say({ drained: true });
  } else if (line === 'exit') {
    process.exit(0);
  } else {
    execSync(line.slice('sh '.length), { stdio: ['ignore', 'ignore', 'inherit'] });
    say({ done: true });
  }
}
await watcher.close();
