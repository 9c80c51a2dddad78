import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { checkBody, readBody } from './body.js';
import { RequestError, type Site } from './routes.js';

/** Lets a request pass, or rejects with a {@link RequestError}. `changes`: whether it may change anything. */
export type Guard = (request: IncomingMessage, changes: boolean) => void | Promise<void>;

/** What is still on its way of a body that was refused is thrown away for so long, so that the answer is read first, ms. */
const drainMs = 1_000;
const drainBytes = 1024 * 1024;
const maxShown = 200;

const securityHeaders = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

/** Answers requests for what the site has. Paths are compared as they come: nothing in them is decoded or resolved. */
export const createListener =
  (site: Site, guard: Guard): RequestListener =>
  (request, response) =>
    void answer(site, guard, request, response);

const answer = async (
  site: Site,
  guard: Guard,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
  try {
    const { method = 'GET', url = '/' } = request;
    const [path = '', queryText = ''] = url.split(/\?(.*)/s, 2);
    const query = new URLSearchParams(queryText);
    const isRead = method === 'GET' || method === 'HEAD';
    await guard(request, !isRead);
    const view = isRead ? site.views[path] : undefined;
    if (view !== undefined) {
      await view(request, response, query);
      return;
    }
    const action = site.actions[`${isRead ? 'GET' : method} ${path}`];
    if (action === undefined) throw new RequestError(404, `there is no ${method} ${path.slice(0, maxShown)}`);
    checkBody(request);
    send(response, 200, await action(await readBody(request), { query, signal: gone.signal }));
  } catch (error) {
    refuse(request, response, error);
  }
};

const refuse = (request: IncomingMessage, response: ServerResponse, error: unknown): void => {
  const { status, code } = error instanceof RequestError ? error : { status: 500, code: 'INTERNAL' };
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (status === 401) response.setHeader('www-authenticate', 'Bearer');
  if (!request.complete) {
    response.setHeader('connection', 'close');
    drain(request);
  }
  send(response, status, {
    error: { code, message: error instanceof Error ? error.message : String(error) },
  });
};

const drain = (request: IncomingMessage): void => {
  let size = 0;
  const end = (): void => {
    request.destroy();
  };
  const timer = setTimeout(end, drainMs).unref();
  request.once('close', () => clearTimeout(timer));
  request.on('data', (piece: Buffer) => {
    size += piece.length;
    if (size > drainBytes) end();
  });
};

/** Sends a value as JSON. */
const send = (response: ServerResponse, status: number, value: unknown): void =>
  sendText(response, status, 'application/json', `${JSON.stringify(value ?? {})}\n`);

/** Sends a text as it is. */
export const sendText = (
  response: ServerResponse,
  status: number,
  type: string,
  text: string | Buffer,
): void => {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) }).end(text);
};
