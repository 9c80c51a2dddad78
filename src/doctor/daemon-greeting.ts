import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** How long a daemon may take for its part of a conversation, ms. */
const answerMs = 10_000;
/** Spoken by ourselves: it is known to all that is new enough, and needs no list of digests. */
const protocol = '@RSYNCD: 31.0\n';

/** What an rsync daemon said; until it is closed, a connection of the module is in use. */
export interface Conversation {
  /** Of its greeting `@RSYNCD: 31.0 …`; `undefined`: it is no rsync daemon. */
  readonly protocol: number | undefined;
  /** Its word on the module: `@RSYNCD: OK`, `@RSYNCD: AUTHREQD …`, `@ERROR: …`. */
  readonly answer: string | undefined;
  /** errno's name. */
  readonly fault: string | undefined;
  close(): void;
}

/**
 * Talks to an rsync daemon as a client does, as far as to its word on the module: there a client would log in or tell
 * what it wants. Never rejects.
 * @param module absent: only the greeting is read
 */
export const talk = (
  { host, port }: { readonly host: string; readonly port: number },
  module: string | undefined,
  signal: AbortSignal,
): Promise<Conversation> =>
  new Promise((settle) => {
    const socket = connect({ host, port, signal });
    let greeted: number | undefined;
    const end = (answer: string | undefined, fault: string | undefined): void => {
      clearTimeout(timer);
      if (fault !== undefined) socket.destroy();
      settle({ protocol: greeted, answer, fault, close: () => socket.destroy() });
    };
    const timer = setTimeout(() => end(undefined, 'ETIMEDOUT'), answerMs);
    socket.on('error', (error: NodeJS.ErrnoException) => end(undefined, error.code ?? error.name));
    socket.on('close', () => end(undefined, 'ECONNRESET'));
    const lines = createInterface({ input: socket });
    lines.on('error', () => {});
    lines.on('line', (line) => {
      if (greeted === undefined) {
        const [, major] = /^@RSYNCD: (\d+)/.exec(line) ?? [];
        if (major === undefined) return end(line, 'EPROTO');
        greeted = Number(major);
        if (module === undefined) end(undefined, undefined);
        else socket.write(`${protocol}${module}\n`);
        return;
      }
      // What else it says before is its message of the day.
      if (/^@(?:RSYNCD: (?:OK|AUTHREQD|EXIT)|ERROR)/.test(line)) end(line, undefined);
    });
  });
