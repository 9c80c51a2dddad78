import { chmodSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { ReplicationError } from '../core/errors.js';

/** What an action knows of its request beside the body. */
export interface ActionRequest {
  readonly query: URLSearchParams;
  /** Aborts when the client goes away before it has its answer. An answer may take as long as it wants. */
  readonly signal: AbortSignal;
}

/** Answers one request: gets the parsed body (`undefined` without one), gives what is sent back as JSON. */
export type Action = (body: unknown, request: ActionRequest) => unknown | Promise<unknown>;

/** `GET /v1/deletes` -> action. */
export type Routes = Readonly<Record<string, Action>>;

export interface ControlServer {
  close(): Promise<void>;
}

/** Name of the socket in the state directory. */
export const socketName = 'control.sock';
/** A body larger than this is refused, bytes. */
const maxBodyBytes = 64 * 1024;

/** A request that can't be met; becomes the status of the answer. */
export class RequestError extends ReplicationError {
  override readonly code = 'BAD_REQUEST';
  override readonly hint = 'see docs/control.md';

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Listens on the unix socket of a state directory, mode 0600. The caller holds the directory's lock, so a socket that
 * lies there was left behind.
 */
export const startControl = async (stateDir: string, routes: Routes): Promise<ControlServer> => {
  // By a descriptor: the path of a socket may have no more than 107 bytes.
  const directory = await open(stateDir, 'r');
  const path = `/proc/self/fd/${directory.fd}/${socketName}`;
  rmSync(path, { force: true });
  const server = createServer((request, response) => void answer(routes, request, response));
  server.maxConnections = 64;
  // Only until the whole request is here: an answer may take its time.
  server.requestTimeout = 10_000;
  try {
    await listen(server, path);
    chmodSync(path, 0o600);
  } catch (error) {
    await directory.close();
    throw error;
  }
  server.unref();
  return {
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await directory.close();
    },
  };
};

const listen = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });

const answer = async (routes: Routes, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  try {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://control');
    const action = routes[`${request.method} ${pathname}`];
    if (action === undefined) throw new RequestError(404, `there is no ${request.method} ${pathname}`);
    send(response, 200, await action(await readBody(request), { query, signal: gone.signal }));
  } catch (error) {
    const { status, code } = error instanceof RequestError ? error : { status: 500, code: 'INTERNAL' };
    send(response, status, {
      error: { code, message: error instanceof Error ? error.message : String(error) },
    });
  }
};

const send = (response: ServerResponse, status: number, value: unknown): void => {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(value ?? {})}\n`);
};

const readBody = async (request: IncomingMessage): Promise<unknown> => {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > maxBodyBytes) throw new RequestError(413, 'the body is too large');
    pieces.push(piece);
  }
  if (size === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch {
    throw new RequestError(400, 'the body is no JSON');
  }
};
