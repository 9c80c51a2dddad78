import { createServer as createHttp, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { atEnd, type Scope } from './scope.js';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A request for which nothing is ever answered. */
export const hang = 'hang';

export interface HttpRecorder {
  readonly url: string;
  /** Every request that was read to its end, in order. */
  readonly seen: readonly SeenRequest[];
}

/** A real HTTP server on the loopback address. @param answer gives the status, or {@link hang} */
export const httpRecorder = async (
  scope: Scope,
  answer: (request: SeenRequest, number: number) => number | typeof hang = () => 204,
): Promise<HttpRecorder> => {
  const seen: SeenRequest[] = [];
  const server = createHttp((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const found = { method, url, headers, body: Buffer.concat(pieces).toString('utf8') };
      seen.push(found);
      const status = answer(found, seen.length);
      if (status !== hang) response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(scope, () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    return closed;
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
};

/** A real stream server. @param path of a unix socket; without it a free TCP port of the loopback address */
export const lineRecorder = async (
  scope: Scope,
  path?: string,
): Promise<{ readonly address: string; readonly lines: readonly string[] }> => {
  const lines: string[] = [];
  const server = createTcp((socket) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (piece: string) => {
      text += piece;
    });
    socket.on('end', () => lines.push(...text.split('\n').slice(0, -1)));
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) =>
    path === undefined ? server.listen(0, '127.0.0.1', resolve) : server.listen(path, resolve),
  );
  atEnd(scope, () => new Promise((resolve) => server.close(resolve)));
  const address =
    path === undefined ? `tcp://127.0.0.1:${(server.address() as AddressInfo).port}` : `unix:${path}`;
  return { address, lines };
};
