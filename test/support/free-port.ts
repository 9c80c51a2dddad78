import { once } from 'node:events';
import { createServer } from 'node:net';

const lowest = 20_000;
const count = 12_000;

/**
 * A TCP port of the loopback address that nothing listens on. It lies below the range that the kernel gives to
 * outgoing connections, so that none of these takes it before the server does.
 */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = lowest + Math.floor(Math.random() * count);
    const server = createServer();
    const isFree = once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.listen(port, '127.0.0.1');
    if (!(await isFree)) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
};
