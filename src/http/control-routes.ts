import type { Daemon } from '../daemon/status.js';
import { RequestError, type Routes } from './control-server.js';
import { statusDocument } from './status-document.js';
import { type VerbDaemon, verbRoutes } from './verb-routes.js';

/**
 * What the control socket answers:
 * - `GET /v1/status`: the daemon's status
 * - `GET /v1/stuck`: the paths that targets can't take
 * - `GET /v1/deletes`: what the guards of deletes hold and keep, all targets
 * - `POST /v1/deletes/approve`, `POST /v1/deletes/reject`, body `{"target": NAME}` or none for all: paths by target
 *
 * and what {@link verbRoutes} does.
 */
export const controlRoutes = (
  daemon: Pick<Daemon, 'status' | 'stuckPaths' | 'heldDeletes' | 'approveDeletes' | 'rejectDeletes'> &
    VerbDaemon,
): Routes => {
  const targetOf = (body: unknown): string | undefined => {
    if (body === undefined) return undefined;
    const target = typeof body === 'object' && body !== null && 'target' in body ? body.target : undefined;
    if (target === undefined) return undefined;
    if (!daemon.status().targets.some(({ name }) => name === target))
      throw new RequestError(404, `there is no target ${JSON.stringify(target)}`);
    return target as string;
  };
  return {
    ...verbRoutes(daemon),
    'GET /v1/status': () => statusDocument(daemon),
    'GET /v1/stuck': (_body, { query }) => ({ targets: daemon.stuckPaths(undefined, mostIn(query)) }),
    'GET /v1/deletes': (_body, { query }) => ({ targets: daemon.heldDeletes(undefined, mostIn(query)) }),
    'POST /v1/deletes/approve': (body) => ({ paths: daemon.approveDeletes(targetOf(body)) }),
    'POST /v1/deletes/reject': (body) => ({ paths: daemon.rejectDeletes(targetOf(body)) }),
  };
};

/** How many paths of each target are to be named; `undefined`: as many as there may be. */
const mostIn = (query: URLSearchParams): number | undefined => {
  const text = query.get('most');
  if (text === null) return undefined;
  if (!/^\d{1,5}$/.test(text) || Number(text) > 10_000)
    throw new RequestError(400, 'most has to be a whole number up to 10000');
  return Number(text);
};
