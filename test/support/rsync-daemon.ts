import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { type ProcessGroup, processesOf, startGroup } from './process-group.js';
import type { Scope } from './scope.js';
import { Tree, tempDirectory } from './temp-tree.js';
import { waitFor } from './wait-for.js';

export interface RsyncDaemonOptions {
  /** Directory that the module serves; a temporary one by default. */
  readonly path?: string;
  /** Default `tree`. */
  readonly module?: string;
  /** Default: as root yes, which keeps symbolic links exact. */
  readonly useChroot?: boolean;
  /** Whether it has the global settings that docs/targets.md advises; default true, otherwise those of rsync itself. */
  readonly isTuned?: boolean;
  /** Further lines of the module's section. */
  readonly config?: readonly string[];
  /** Default: a free one. */
  readonly port?: number;
  /** Of the loopback network; default `127.0.0.1`. */
  readonly address?: string;
  /** Default: the rsync in PATH. */
  readonly program?: string;
}

const isRoot = process.getuid?.() === 0;

/** A real rsync daemon on the loopback address with one module. */
export class RsyncDaemon {
  #group: ProcessGroup | undefined;

  constructor(
    private readonly scope: Scope,
    private readonly program: string,
    /** Holds its configuration and its log. */
    private readonly folder: string,
    readonly module: string,
    private readonly address: string,
    readonly port: number,
    /** What it serves. */
    readonly tree: Tree,
  ) {}

  /** Absolute path of what it serves. */
  get path(): string {
    return this.tree.path;
  }

  get url(): string {
    return `rsync://${this.address}:${this.port}/${this.module}`;
  }

  /** What the daemon wrote to its log. */
  get log(): string {
    return readFileSync(join(this.folder, 'log'), 'utf8');
  }

  /** Changes its configuration; it counts from the next connection on. */
  configure(edit: (text: string) => string): void {
    const file = join(this.folder, 'conf');
    writeFileSync(file, edit(readFileSync(file, 'utf8')));
  }

  /** Starts it, on the same port each time. @returns when it answers */
  async start(): Promise<void> {
    const output = openSync(join(this.folder, 'output'), 'a');
    const group = startGroup(
      this.scope,
      this.program,
      [
        '--daemon',
        '--no-detach',
        `--address=${this.address}`,
        `--port=${this.port}`,
        `--config=${this.folder}/conf`,
      ],
      { stdio: ['ignore', output, output], env: { ...process.env, LC_ALL: 'C' } },
    );
    closeSync(output);
    this.#group = group;
    await waitFor(
      () => {
        if (group.ending !== undefined)
          throw new Error(`rsync --daemon ended: ${readFileSync(join(this.folder, 'output'), 'utf8')}`);
        return answers(this.address, this.port);
      },
      { what: 'rsync daemon', limitMs: 30_000 },
    );
  }

  /** Ends it and the transfers it serves. `SIGKILL` leaves their temporary files behind. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await this.#group?.end(signal);
    this.#group = undefined;
  }

  /** Connections that it serves: each has one process, and a second one while it receives. */
  connections(): number {
    return this.#group === undefined ? 0 : processesOf(this.#group.id).length - 1;
  }

  /** Connections that it was asked for since it was first started. */
  connectionsSoFar(): number {
    return this.log.split(' connect from ').length - 1;
  }

  /** Stops all its processes in their tracks; connections stay open, new ones are accepted by the kernel alone. */
  freeze(): void {
    this.#group?.signal('SIGSTOP');
  }

  thaw(): void {
    this.#group?.signal('SIGCONT');
  }
}

/** Starts an rsync daemon that ends with the scope. */
export const rsyncDaemon = async (scope: Scope, options: RsyncDaemonOptions = {}): Promise<RsyncDaemon> => {
  const {
    module = 'tree',
    useChroot = isRoot,
    isTuned = true,
    config = [],
    program = 'rsync',
    address = '127.0.0.1',
  } = options;
  const folder = tempDirectory(scope, 'daemon');
  const path = options.path ?? join(folder, 'module');
  mkdirSync(path, { recursive: true });
  const port = options.port ?? (await freePort());
  const lines = [
    `log file = ${folder}/log`,
    // Reverse lookups of names would only cost time.
    ...(isTuned ? ['socket options = TCP_NODELAY', 'reverse lookup = no'] : []),
    ...(isRoot ? ['uid = root', 'gid = root'] : []),
    `[${module}]`,
    `path = ${path}`,
    'read only = no',
    'munge symlinks = no',
    `use chroot = ${useChroot ? 'yes' : 'no'}`,
    ...config,
  ];
  writeFileSync(join(folder, 'conf'), `${lines.join('\n')}\n`);
  const daemon = new RsyncDaemon(scope, program, folder, module, address, port, new Tree(path));
  await daemon.start();
  return daemon;
};

/** Several at once. */
export const rsyncDaemons = (
  scope: Scope,
  count: number,
  options: RsyncDaemonOptions = {},
): Promise<RsyncDaemon[]> => Promise.all(Array.from({ length: count }, () => rsyncDaemon(scope, options)));

const answers = (address: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, address);
    const settle = (isUp: boolean) => {
      socket.destroy();
      resolve(isUp);
    };
    socket.once('data', (greeting) => settle(greeting.toString('latin1').startsWith('@RSYNCD:')));
    socket.once('error', () => settle(false));
    socket.once('close', () => settle(false));
  });
