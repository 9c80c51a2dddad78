import { open } from 'node:fs/promises';
import { request } from 'node:http';
import { ReplicationError } from '../core/errors.js';
import { socketName } from '../http/control-server.js';

/** The running imgsync-fast could not be asked, or said no. */
export class ControlError extends ReplicationError {
  constructor(
    override readonly code: 'NOT_RUNNING' | 'REFUSED',
    message: string,
    override readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * Asks the imgsync-fast that runs with this state directory.
 * @param route such as `GET /v1/deletes`
 * @returns the parsed answer. Rejects with a {@link ControlError}.
 */
export const askControl = async (stateDir: string, route: string, body?: unknown): Promise<unknown> => {
  const directory = await open(stateDir, 'r').catch((cause: unknown) => {
    throw notRunning(stateDir, cause);
  });
  try {
    const { status, text } = await exchange(`/proc/self/fd/${directory.fd}/${socketName}`, route, body).catch(
      (cause: unknown) => {
        throw notRunning(stateDir, cause);
      },
    );
    const answer = JSON.parse(text) as { error?: { message: string } };
    if (status === 200) return answer;
    throw new ControlError('REFUSED', answer.error?.message ?? `status ${status}`, 'see docs/control.md');
  } finally {
    await directory.close();
  }
};

const notRunning = (stateDir: string, cause: unknown): ControlError =>
  new ControlError(
    'NOT_RUNNING',
    `no imgsync-fast runs with the state directory ${stateDir}`,
    'start it, or name the configuration that it runs with',
    { cause },
  );

const exchange = (
  socketPath: string,
  route: string,
  body: unknown,
): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    const [method, path] = route.split(' ');
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const outgoing = request({ socketPath, method, path, headers, timeout: 30_000 }, (incoming) => {
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
