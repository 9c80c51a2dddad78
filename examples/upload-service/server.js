// Takes a picture by `PUT /NAME` and answers 201 when every replica has it, 504 when they did not get it in time.
// node server.js SYNC.JSON [PORT]
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createReplication, NotSettledError } from 'imgsync-fast';

const [file = 'sync.json', port = '8080'] = process.argv.slice(2);
const timeoutMs = 60_000;

const logger = { debug() {}, info() {}, warn: console.warn, error: console.error };
const replication = createReplication(file, { logger });
await replication.start();
const { source } = replication.status();

/** Under a name that is excluded from replication first, so that no half picture is ever at a replica. */
const save = async (request, name) => {
  const unfinished = join(source, `.upload-${randomUUID()}`);
  try {
    await pipeline(request, createWriteStream(unfinished, { flags: 'wx' }));
    await rename(unfinished, join(source, name));
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
};

const take = async (request, response) => {
  const name = request.url?.slice(1) ?? '';
  if (request.method !== 'PUT' || !/^\w[\w.-]{0,200}$/.test(name)) {
    response.writeHead(400).end('PUT /NAME\n');
    return;
  }
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  try {
    await save(request, name);
    await replication.settled({ paths: [name], timeoutMs, signal: gone.signal });
    response.writeHead(201).end();
  } catch (error) {
    if (gone.signal.aborted) return;
    // It is stored and will get to the replicas; only that it is there can not be promised yet.
    const isLate = error instanceof NotSettledError;
    if (!isLate) console.error(error);
    response.writeHead(isLate ? 504 : 500).end(isLate ? `${error.message}\n` : undefined);
  }
};

const server = createServer((request, response) => void take(request, response));
const stop = async () => {
  // Those who wait for an answer get one before the replication ends.
  server.close();
  server.closeIdleConnections();
  await once(server, 'close');
  await replication.stop();
};
replication.on('failed', (error) => {
  console.error(`${error.code}: ${error.message}; ${error.hint}`);
  process.exitCode = 1;
  void stop();
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void stop());
server.listen(Number(port), '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
