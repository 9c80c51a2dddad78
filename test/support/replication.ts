import assert from 'node:assert/strict';
import { type Answer, imgsyncFast } from './command-line.js';
import type { ConvergeOptions } from './converge.js';
import { type Imgsync, startImgsync } from './imgsync.js';
import { type RsyncDaemon, rsyncDaemons } from './rsync-daemon.js';
import type { Scope } from './scope.js';
import { type Tree, tempDirectory, tempTree } from './temp-tree.js';
import { waitFor } from './wait-for.js';

export interface ReplicationOptions {
  /** rsync daemons that are started. Default 2. */
  readonly targets?: number;
  /** What the source holds before the start: relative path -> content. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** Further keys of sync.json. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Further arguments of node. */
  readonly nodeArgs?: readonly string[];
  /** Further variables of the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Called for each rsync daemon before the start. */
  readonly before?: (daemon: RsyncDaemon) => void;
}

/** A source, its targets and `imgsync-fast` between them. */
export class Replication {
  #imgsync: Imgsync;

  constructor(
    readonly source: Tree,
    readonly daemons: readonly RsyncDaemon[],
    private readonly start: () => Imgsync,
  ) {
    this.#imgsync = start();
  }

  /** The process that runs now, or ran last. */
  get imgsync(): Imgsync {
    return this.#imgsync;
  }

  /** Starts the process anew with the same configuration and state, after it has ended. @returns when it watches */
  async restart(): Promise<void> {
    this.#imgsync = this.start();
    await this.imgsync.ready();
  }

  /** Runs another command with the same configuration, to its end. */
  command(...args: readonly string[]): Answer {
    return imgsyncFast(...args, '--config', this.imgsync.file);
  }

  /** The trees of the targets. */
  get targets(): Tree[] {
    return this.daemons.map(({ tree }) => tree);
  }

  /** Waits until every target equals the source. */
  settled(options?: ConvergeOptions): Promise<void> {
    return this.imgsync.settled(
      this.daemons.map(({ path }) => path),
      options,
    );
  }

  /** Waits until every target was compared with the source once. */
  async firstSyncDone(): Promise<void> {
    await waitFor(
      () => {
        this.imgsync.assertRunning();
        const finished = this.imgsync.logs.filter(({ msg }) => msg === 'reconcile finished');
        return new Set(finished.map(({ target }) => target)).size === this.daemons.length;
      },
      { what: 'end of the first sync' },
    );
  }

  /** Fails when more than the first sync was compared: events alone must have carried the changes. */
  assertNoRepair(): void {
    const started = this.imgsync.logs.filter(({ msg }) => msg === 'reconcile started');
    assert.equal(started.length, this.daemons.length, JSON.stringify(started));
  }
}

/** Starts all of it. @returns when the first sync is through */
export const startReplication = async (
  scope: Scope,
  {
    targets = 2,
    files = {},
    config = {},
    nodeArgs = [],
    env = {},
    before = () => {},
  }: ReplicationOptions = {},
): Promise<Replication> => {
  const source = tempTree(scope, files);
  const daemons = await rsyncDaemons(scope, targets);
  for (const daemon of daemons) before(daemon);
  const stateDir = tempDirectory(scope, 'state');
  const start = () =>
    startImgsync(
      scope,
      {
        source: source.path,
        targets: daemons.map(({ url }, index) => ({ name: `target-${index + 1}`, url })),
        stateDir,
        ...config,
      },
      { nodeArgs, env },
    );
  const replication = new Replication(source, daemons, start);
  await replication.imgsync.ready();
  await replication.firstSyncDone();
  return replication;
};
