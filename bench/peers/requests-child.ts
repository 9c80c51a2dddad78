import { Agent, get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Answers, AskOrder } from './requests.js';

// Asks for /status and /metrics at a steady pace, over connections that are kept, as monitoring systems do.

const ask = (agent: Agent, port: number, path: string): Promise<string> =>
  new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path, agent }, (incoming) => {
      let bytes = 0;
      incoming.on('data', (piece: Buffer) => {
        bytes += piece.length;
      });
      incoming.on('end', () => resolve(bytes === 0 ? 'empty' : String(incoming.statusCode)));
      incoming.on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)));
    }).on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)));
  });

const askAll = async ({ port, count, perSecond }: AskOrder): Promise<Answers> => {
  // The server has closed those of the last time by now, or is about to.
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const startedAt = performance.now();
  const ended: Promise<string>[] = [];
  for (let i = 0; i < count; i++) {
    const early = startedAt + (i * 1000) / perSecond - performance.now();
    if (early > 1) await pause(early);
    ended.push(ask(agent, port, i % 2 === 0 ? '/status' : '/metrics'));
  }
  const { 200: ok = 0, ...others } = counted(await Promise.all(ended));
  agent.destroy();
  return { ok, others };
};

const counted = (answers: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
  return counts;
};

process.on('message', async (order: AskOrder) => process.send?.(await askAll(order)));
process.once('disconnect', () => process.exit());
