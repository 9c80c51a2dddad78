import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { HttpSettings } from '../config/config.js';
import type { Guard } from './listener.js';
import { RequestError } from './routes.js';

/**
 * Checks what comes over TCP, where everybody can send and any page in a browser can make it send:
 * - the host that is addressed has to be one of ours: a name of others may lead here (DNS rebinding)
 * - a page of another site gets nothing and can post nothing
 * - what changes anything needs the token
 * @param port the one that is listened on
 */
export const tcpGuard = (
  { listen, allowedHosts, tokenFile }: Pick<HttpSettings, 'listen' | 'allowedHosts' | 'tokenFile'>,
  port: number,
): Guard => {
  const own = [listen.host, 'localhost', '127.0.0.1', '::1'].map((host) => `${bracketed(host)}:${port}`);
  const known = new Set([...own, ...allowedHosts].map((host) => host.toLowerCase()));
  return async (request, changes) => {
    checkHost(request, known, port);
    checkOrigin(request);
    if (changes) await checkToken(request, tokenFile);
  };
};

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

const checkHost = ({ headers, socket }: IncomingMessage, known: ReadonlySet<string>, port: number): void => {
  const host = (headers.host ?? '').toLowerCase();
  if (known.has(host) || known.has(host.replace(/:\d+$/, ''))) return;
  // When it listens on every address: nobody can make a number lead elsewhere.
  const address = (socket.localAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
  if (isIP(address) !== 0 && host === `${bracketed(address)}:${port}`) return;
  throw new RequestError(403, 'this host name is not ours: add it to http.allowedHosts');
};

const checkOrigin = ({ headers, method, url }: IncomingMessage): void => {
  const { origin, host = '' } = headers;
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`)
    throw new RequestError(403, 'a page of another origin may not ask');
  if (headers['sec-fetch-site'] !== 'cross-site') return;
  // A link that a person follows to the page: the other site sees nothing of it.
  const isFollowed = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  if (isFollowed && method === 'GET' && url === '/') return;
  throw new RequestError(403, 'a page of another site may not ask');
};

const checkToken = async ({ headers }: IncomingMessage, tokenFile: string | undefined): Promise<void> => {
  if (tokenFile === undefined)
    throw new RequestError(
      403,
      'nothing can be changed over TCP without a token: set http.tokenFile, or use the socket in the state directory',
    );
  const [, given = ''] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
  // Read each time, so that a new token counts at once.
  const [expected = ''] = (await readFile(tokenFile, 'utf8').catch(() => '')).split(/\s/, 1);
  if (expected === '' || given === '' || !isSame(given, expected))
    throw new RequestError(401, 'this needs the token of http.tokenFile: authorization: Bearer TOKEN');
};

/** Takes the same time wherever they differ. */
const isSame = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
