import { createServer, type RequestListener, type Server } from 'node:http';
import type { ListenOptions } from 'node:net';
import { announcedBytes, maxBodyBytes } from './body.js';

/** Connections at the same time; more are closed as soon as they come. */
const maxConnections = 256;

/** A server with its limits. It keeps no process alive. */
export const createHttpServer = (listener: RequestListener): Server => {
  // Looked at although nobody may be connected, which wakes an idle daemon.
  const limits = { maxHeaderSize: 16 * 1024, connectionsCheckingInterval: 10_000 };
  const server = createServer(limits, listener);
  server.maxConnections = maxConnections;
  server.maxHeadersCount = 100;
  server.headersTimeout = 10_000;
  // Only until the whole request is here: an answer may take its time.
  server.requestTimeout = 10_000;
  // Whoever asks before it sends its body is answered at once when that is not wanted.
  server.on('checkContinue', (request, response) => {
    if (announcedBytes(request) <= maxBodyBytes) response.writeContinue();
    listener(request, response);
  });
  return server;
};

/** @returns when it listens */
export const listening = (server: Server, where: ListenOptions): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      server.unref();
      resolve();
    });
  });

/** Ends it with all its connections. */
export const endServer = async (server: Server): Promise<void> => {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
};
