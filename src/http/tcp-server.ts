import type { AddressInfo } from 'node:net';
import type { HttpSettings } from '../config/config.js';
import { createHttpServer, endServer, listening } from './http-server.js';
import { createListener, type Guard } from './listener.js';
import type { Site } from './routes.js';
import { tcpGuard } from './tcp-guard.js';

export interface TcpServer {
  /** The one that is listened on, also when any free one was asked for. */
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on a TCP address. Rejects when it can't, as when another process has the port. */
export const startTcp = async (settings: HttpSettings, site: Site): Promise<TcpServer> => {
  let guard: Guard = () => {};
  const server = createHttpServer(createListener(site, (request, changes) => guard(request, changes)));
  server.on('listening', () => {
    guard = tcpGuard(settings, (server.address() as AddressInfo).port);
  });
  await listening(server, settings.listen);
  return { port: (server.address() as AddressInfo).port, close: () => endServer(server) };
};
