import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { loadConfig } from '../../src/config/load.js';
import { startDaemon } from '../../src/daemon/daemon.js';
import { measureEventLoopDelay } from './event-loop-delay.js';

// Runs the daemon; says when every target is idle, and on each message how late the main thread was since then.

const daemon = await startDaemon(await loadConfig(process.argv[2] ?? ''), {
  logger: pino({ enabled: false }),
});
while (daemon.status().targets.some(({ state }) => state !== 'idle')) await pause(20);
const delay = measureEventLoopDelay();
const answer = () => process.send?.(delay());
process.on('message', answer);
process.once('disconnect', () => void daemon.stop());
answer();
