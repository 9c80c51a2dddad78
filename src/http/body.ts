import type { IncomingMessage } from 'node:http';
import { RequestError } from './routes.js';

/** A body larger than this is refused, bytes. */
export const maxBodyBytes = 64 * 1024;

/** What the headers say of its size; 0 when they do not. */
export const announcedBytes = ({ headers }: IncomingMessage): number =>
  Number(headers['content-length'] ?? 0);

/** Refuses what is too large or no JSON by what its headers say, before anything of it is read. */
export const checkBody = (request: IncomingMessage): void => {
  const { method, headers } = request;
  if (announcedBytes(request) > maxBodyBytes) throw tooLarge();
  const hasBody = headers['transfer-encoding'] !== undefined || announcedBytes(request) > 0;
  // What a form of another site can send without being asked is never JSON.
  if (method !== 'GET' && hasBody && !/^application\/json\s*(?:;|$)/i.test(headers['content-type'] ?? ''))
    throw new RequestError(415, 'the body has to be JSON: content-type: application/json');
};

/** @returns the parsed body, `undefined` without one */
export const readBody = async (request: IncomingMessage): Promise<unknown> => {
  const pieces: Buffer[] = [];
  let size = 0;
  // The stream is left as it is: its connection still has to carry the answer.
  for await (const piece of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > maxBodyBytes) throw tooLarge();
    pieces.push(piece);
  }
  if (size === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch {
    throw new RequestError(400, 'the body is no JSON');
  }
};

const tooLarge = (): RequestError =>
  new RequestError(413, `the body is too large: ${maxBodyBytes} bytes at most`);
