import { connect } from 'node:net';
import type { SocketHook } from '../core/hook.js';
import { displayPath, relPathFromBytes } from '../core/path.js';
import { absoluteBytes, type HookAction, HookFailure } from './hook-call.js';

/**
 * One connection for each call, one line for each path: absolute, control characters and bytes that are not UTF-8 as
 * `\xNN`, a backslash doubled. It has worked when the other side has taken all of it and closes.
 */
export const socketAction =
  ({ address }: SocketHook): HookAction =>
  ({ source, changes }, signal) =>
    new Promise((resolve, reject) => {
      const lines = changes.map(({ path }) => displayPath(relPathFromBytes(absoluteBytes(source, path))));
      const socket = connect(address);
      const abort = (): void => {
        socket.destroy(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
      };
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { once: true });
      socket.on('error', (error: NodeJS.ErrnoException) => {
        signal.removeEventListener('abort', abort);
        reject(
          signal.aborted ? error : new HookFailure(`the connection failed: ${error.code ?? error.message}`),
        );
      });
      // What it says is of no interest, but only what is read lets its end be seen.
      socket.resume();
      socket.on('close', () => {
        signal.removeEventListener('abort', abort);
        resolve();
      });
      socket.end(`${lines.join('\n')}\n`);
    });
