import { open } from 'node:fs/promises';
import { request } from 'node:http';
import { socketName } from '../http/control-server.js';
import { ControlError } from './control-error.js';

export { ControlError };

/** Longest time until an answer, unless another one is said, ms. */
const answerMs = 30_000;

/**
 * Asks the imgsync-fast that runs with this state directory.
 * @param route such as `GET /v1/deletes`
 * @param timeoutMs longest time until the answer; 0: no limit
 * @returns the parsed answer. Rejects with a {@link ControlError}.
 */
export const askControl = async (
  stateDir: string,
  route: string,
  body?: unknown,
  timeoutMs = answerMs,
): Promise<unknown> => {
  const directory = await open(stateDir, 'r').catch((cause: unknown) => {
    throw notRunning(stateDir, cause);
  });
  try {
    const path = `/proc/self/fd/${directory.fd}/${socketName}`;
    const { status, text } = await exchange(path, route, body, timeoutMs).catch((cause: unknown) => {
      throw notRunning(stateDir, cause);
    });
    const answer = JSON.parse(text) as { error?: { message: string } };
    if (status === 200) return answer;
    throw new ControlError(
      'REFUSED',
      answer.error?.message ?? `status ${status}`,
      'see docs/commands.md',
      status,
    );
  } finally {
    await directory.close();
  }
};

const notRunning = (stateDir: string, cause: unknown): ControlError =>
  new ControlError(
    'NOT_RUNNING',
    `no imgsync-fast runs with the state directory ${stateDir}`,
    'start it, or name the configuration that it runs with',
    undefined,
    { cause },
  );

const exchange = (
  socketPath: string,
  route: string,
  body: unknown,
  timeout: number,
): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    const [method, path] = route.split(' ');
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const outgoing = request({ socketPath, method, path, headers, timeout }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (piece: string) => {
        text += piece;
      });
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
      incoming.on('error', reject);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
