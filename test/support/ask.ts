import { type IncomingHttpHeaders, request } from 'node:http';

export interface Asked {
  /** Of the loopback address. */
  readonly port: number;
  /** Default `GET`. */
  readonly method?: string;
  /** Sent as it is. Default `/`. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** One request over TCP, on a connection of its own; every header can be set, `host` too. */
export const ask = ({ port, method = 'GET', path = '/', headers = {}, body }: Asked): Promise<Answered> =>
  new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (piece: string) => {
        text += piece;
      });
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text }),
      );
      incoming.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });

/** One message of server-sent events. */
export interface Message {
  readonly event: string;
  readonly data: string;
}

/** An open stream of events. */
export interface Stream {
  readonly status: number;
  readonly messages: Message[];
  close(): void;
}

/** Opens `/events`. @returns when the answer has begun */
export const openEvents = (port: number): Promise<Stream> =>
  new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path: '/events', agent: false }, (incoming) => {
      const messages: Message[] = [];
      let rest = '';
      incoming.setEncoding('utf8');
      incoming.on('error', () => {});
      incoming.on('data', (piece: string) => {
        const parts = (rest + piece).split('\n\n');
        rest = parts.pop() ?? '';
        for (const part of parts) {
          const [, event = '', data = ''] = /event: (.*)\ndata: (.*)$/.exec(part) ?? [];
          if (event !== '') messages.push({ event, data });
        }
      });
      resolve({ status: incoming.statusCode ?? 0, messages, close: () => outgoing.destroy() });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
