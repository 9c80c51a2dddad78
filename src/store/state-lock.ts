import { stat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { StoreError } from '../core/errors.js';

/** Held while this process uses a state directory. */
export interface StateLock {
  release(): Promise<void>;
}

/** The process that uses a state directory; `undefined`: none, as far as can be seen from here. Takes nothing. */
export const stateDirHolder = async (stateDir: string): Promise<number | undefined> => {
  const found = await stat(stateDir, { bigint: true }).catch(() => undefined);
  const holder = found === undefined ? undefined : await askHolder(lockNameOf(found));
  return holder === undefined ? undefined : Number(holder);
};

const lockNameOf = ({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string =>
  `\0imgsync-fast:${dev}:${ino}`;

/**
 * Takes the state directory for this process alone. The lock is a listening socket in Linux' abstract namespace, named
 * after the directory's device and inode: the kernel gives the name to one process only and takes it back at its death,
 * however it dies, so no stale lock is ever left behind. Whoever finds it taken can ask it for the holder's process id.
 * It holds within one network namespace; two containers must not share a state directory.
 * Throws {@link StoreError} `STATE_DIR_IN_USE`.
 */
export const lockStateDir = async (stateDir: string): Promise<StateLock> => {
  const path = lockNameOf(await stat(stateDir, { bigint: true }));
  const server = createServer((client) => client.on('error', () => {}).end(String(process.pid)));
  if (!(await listens(server, path))) {
    const holder = await askHolder(path);
    throw new StoreError(
      'STATE_DIR_IN_USE',
      `${stateDir} is in use by ${holder === undefined ? 'another process' : `process ${holder}`}`,
      'stop the other one first, or give each replication a stateDir of its own',
    );
  }
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
};

const listens = (server: Server, path: string): Promise<boolean> =>
  new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    // exclusive: a cluster's workers would share the socket otherwise
    server.listen({ path, exclusive: true }, () => resolve(true));
  });

const askHolder = (path: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    let answer = '';
    const socket = connect(path);
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on('data', (bytes) => {
      answer += bytes.toString();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(/^\d+$/.test(answer) ? answer : undefined));
  });
