import { chmodSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createHttpServer, endServer, listening } from './http-server.js';
import { createListener } from './listener.js';
import type { Routes, Views } from './routes.js';

export { type Action, type ActionRequest, RequestError, type Routes } from './routes.js';

export interface ControlServer {
  close(): Promise<void>;
}

/** Name of the socket in the state directory. */
export const socketName = 'control.sock';

/**
 * Listens on the unix socket of a state directory, mode 0600. The caller holds the directory's lock, so a socket that
 * lies there was left behind.
 */
export const startControl = async (
  stateDir: string,
  actions: Routes,
  views: Views = {},
): Promise<ControlServer> => {
  // By a descriptor: the path of a socket may have no more than 107 bytes.
  const directory = await open(stateDir, 'r');
  const path = `/proc/self/fd/${directory.fd}/${socketName}`;
  rmSync(path, { force: true });
  // Its mode lets nobody in but the owner: there is nothing left to be checked.
  const server = createHttpServer(createListener({ actions, views }, () => {}));
  try {
    await listening(server, { path });
    chmodSync(path, 0o600);
  } catch (error) {
    await directory.close();
    throw error;
  }
  return {
    close: async () => {
      await endServer(server);
      await directory.close();
    },
  };
};
