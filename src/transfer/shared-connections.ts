import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Target } from '../core/target.js';
import { sshWords } from './rsync-args.js';

/**
 * Bytes that the path of a socket may have. ssh first binds it under a name with 17 bytes more, and unix(7) has room for
 * 107.
 */
const maxSocketBytes = 90;
/** From one try to make a connection to the next, ms. */
const retryMs = 10_000;
/** How long ssh may take to end, ms. */
const graceMs = 2_000;

/** Where the connection of a target is shared, or why it can't be. */
export type Sharing = { readonly socket: string } | { readonly fault: string };

/** @returns `undefined` for targets that do not ask for it */
export const sharingOf = (directory: string, { name, ssh }: Target): Sharing | undefined => {
  if (ssh.shareConnection !== true) return undefined;
  const socket = join(directory, `ssh-${createHash('sha256').update(name).digest('hex').slice(0, 12)}`);
  const bytes = Buffer.byteLength(socket);
  if (bytes > maxSocketBytes)
    return {
      fault: `its socket ${socket} would have a path of ${bytes} bytes, and ssh takes ${maxSocketBytes}: choose a shorter stateDir`,
    };
  // Those mean something in the options of ssh.
  return /[\s%$"'\\\p{C}]/u.test(socket)
    ? { fault: `ssh does not take ${socket} for a socket: choose a stateDir without blanks, quotes, % and $` }
    : { socket };
};

export interface SharedConnectionsOptions {
  /** For the sockets; of this process alone. */
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  /** A connection ended by itself. @param text what ssh said */
  readonly ended: (target: string, text: string) => void;
}

/** The ssh that others go through. */
interface Connection {
  readonly startedAt: number;
  readonly gone: Promise<void>;
  isGone: boolean;
  end(signal: NodeJS.Signals): void;
}

/**
 * Keeps up one connection for each target that asks for it. Nothing depends on it: the ssh of an rsync that finds no
 * socket connects by itself.
 */
export class SharedConnections {
  readonly #connections = new Map<string, Connection>();
  /** Target -> what was told of it last. */
  readonly #told = new Map<string, string>();
  #isClosed = false;
  readonly #endAll = () => {
    for (const connection of this.#connections.values()) connection.end('SIGTERM');
  };

  constructor(private readonly options: SharedConnectionsOptions) {
    // Nothing else ends an ssh without a command, should this process not come to its own end.
    process.on('exit', this.#endAll);
  }

  /** The target as its rsyncs reach it: through a connection that is there or will be in a moment. */
  through(target: Target): Target {
    const sharing = sharingOf(this.options.directory, target);
    if (sharing === undefined || 'fault' in sharing || this.#isClosed) return target;
    const { socket } = sharing;
    const { name } = target;
    const last = this.#connections.get(name);
    if (last === undefined || (last.isGone && performance.now() - last.startedAt > retryMs))
      this.#connections.set(name, this.#connect(target, socket));
    return { ...target, ssh: { ...target.ssh, socket } };
  }

  /** Ends the connection of a target that no rsync uses any more. */
  async end(target: string): Promise<void> {
    const connection = this.#connections.get(target);
    this.#connections.delete(target);
    if (connection === undefined) return;
    connection.end('SIGTERM');
    const timer = setTimeout(() => connection.end('SIGKILL'), graceMs);
    await connection.gone;
    clearTimeout(timer);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#connections.keys()].map((target) => this.end(target)));
    process.off('exit', this.#endAll);
  }

  #connect(target: Target, socket: string): Connection {
    const abort: { kill?: (signal: NodeJS.Signals) => void; isEnded: boolean } = { isEnded: false };
    const connection: Connection = {
      startedAt: performance.now(),
      isGone: false,
      end: (signal) => {
        abort.isEnded = true;
        abort.kill?.(signal);
      },
      gone: (async () => {
        // One that was killed left it behind.
        await rm(socket, { force: true }).catch(() => {});
        // Few need it, and it takes as long to load as a fifth of all the rest.
        const { execa } = await import('execa');
        if (abort.isEnded) return;
        const [program = 'ssh', ...args] = sshWords(target, socket);
        const child = execa(program, args, {
          cwd: '/',
          env: this.options.env,
          extendEnv: false,
          stdin: 'ignore',
          stdout: 'ignore',
          maxBuffer: 10_000,
          // A signal of the terminal is for this process.
          detached: true,
          reject: false,
        });
        abort.kill = (signal) => child.kill(signal);
        const { stderr, shortMessage } = await child;
        if (!abort.isEnded) this.#tell(target.name, lastLine(stderr) ?? shortMessage ?? '');
      })().finally(() => {
        connection.isGone = true;
      }),
    };
    return connection;
  }

  /** Once, while it goes on to fail in the same way. */
  #tell(target: string, text: string): void {
    if (this.#told.get(target) === text) return;
    this.#told.set(target, text);
    this.options.ended(target, text);
  }
}

const lastLine = (text: string): string | undefined =>
  text
    .split('\n')
    .flatMap((line) => line.trim() || [])
    .at(-1);
