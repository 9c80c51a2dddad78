import type { Logger } from 'pino';
import type { Config } from '../config/config.js';
import type { Daemon } from '../daemon/status.js';
import { controlRoutes } from './control-routes.js';
import { startControl } from './control-server.js';
import type { Routes } from './routes.js';
import { startTcp } from './tcp-server.js';
import { createViews } from './views.js';

export interface ServeOptions {
  readonly logger: Logger;
  /** Whether the configuration was taken when it was last read. */
  isConfigCurrent(): boolean;
}

export interface Served {
  close(): Promise<void>;
}

/**
 * Serves status and actions on the socket in the state directory and, if the configuration names one, on a TCP address.
 * What can't be listened on is logged: the replication goes on without. Never rejects.
 */
export const serve = async (
  daemon: Daemon,
  { stateDir, http }: Pick<Config, 'stateDir' | 'http'>,
  { logger, isConfigCurrent }: ServeOptions,
): Promise<Served> => {
  const actions = controlRoutes(daemon);
  const { views, close } = createViews(daemon, { readyTargets: http?.readyTargets ?? 1, isConfigCurrent });
  const control = await startControl(stateDir, actions, views).catch((error: unknown) => {
    logger.warn(
      { error: textOf(error) },
      'there is no control socket: it can not be made in the state directory',
    );
    return undefined;
  });
  const tcp =
    http === undefined
      ? undefined
      : await startTcp(http, { actions: overTcp(actions), views }).catch((error: unknown) => {
          const hint = 'end what listens there, or change http.listen';
          logger.error({ error: textOf(error), ...http.listen, hint }, 'http.listen can not be listened on');
          return undefined;
        });
  if (tcp !== undefined) logger.info({ host: http?.listen.host, port: tcp.port }, 'listening for http');
  return {
    close: async () => {
      close();
      await Promise.all([control?.close(), tcp?.close()]);
    },
  };
};

/** Where files are written to is decided on the machine itself: a target may be any of its directories. */
const overTcp = (actions: Routes): Routes =>
  Object.fromEntries(Object.entries(actions).filter(([route]) => route !== 'POST /v1/targets/add'));

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
