import { Piscina } from 'piscina';
import type {
  DeleteAnswer,
  DeleteQuestion,
  ProbeOutcome,
  ProbeRequest,
  TransferFailure,
  TransferOutcome,
  TransferProgress,
  TransferRequest,
  VerifyOutcome,
  VerifyRequest,
} from './messages.js';
import { rsyncEnvironment } from './rsync-environment.js';
import { SharedConnections } from './shared-connections.js';
import type { FromTask, ToTask } from './worker.js';

export interface TransferPoolOptions {
  /** Worker threads at most. Default 2: the work is rsync's, the threads only feed it. */
  readonly threads?: number;
  /** Targets that are known already: no more threads than these are started ahead, which takes a while. */
  readonly targets: number;
  /** Tasks that may run at the same time in one thread. */
  readonly concurrency: number;
  /** Marks the rsyncs of this process in their environment. */
  readonly runId: string;
  /** For the sockets of shared connections. */
  readonly socketDirectory: string;
  /** A shared connection ended by itself. */
  readonly connectionEnded: (target: string, text: string) => void;
}

export interface Running<Outcome> {
  /** Resolves when the child is gone; never rejects. */
  readonly outcome: Promise<Outcome>;
  /** What has moved so far. */
  readonly progress: TransferProgress;
  /** Ends the child; the outcome is then `cancelled` unless rsync was done before. */
  cancel(): void;
}

/** Never rejects. */
export type AskToDelete = (question: DeleteQuestion) => Promise<DeleteAnswer>;

const allowAll: AskToDelete = async () => ({ mayDelete: Number.POSITIVE_INFINITY });

/** Runs batches in worker threads. */
export interface TransferPool {
  /** @param askToDelete is asked what the batch may delete, once, before it is sent; without it, all */
  submit(request: TransferRequest, askToDelete?: AskToDelete): Running<TransferOutcome>;
  probe(request: ProbeRequest): Running<ProbeOutcome>;
  /** Tells what differs, changing nothing. */
  verify(request: VerifyRequest): Running<VerifyOutcome>;
  /** Ends the rsyncs that wait for a list. */
  retireStandbys(): Promise<void>;
  /** Ends the shared connection of a target, after its last transfer. */
  disconnect(target: string): Promise<void>;
  /** Cancels what runs, waits for it and ends the threads. */
  close(): Promise<void>;
}

/** In the environment of every rsync: which run of which process it belongs to. */
export const runMarker = 'IMGSYNC_FAST_RUN';

export const createTransferPool = (options: TransferPoolOptions): TransferPool =>
  new PiscinaTransferPool(options);

class PiscinaTransferPool implements TransferPool {
  /** One thread each: the tasks of a target go to the same thread, where its standby waits. */
  readonly #threads: Piscina[] = [];
  readonly #startThread: () => Piscina;
  readonly #maxThreads: number;
  readonly #threadOf = new Map<string, Piscina>();
  readonly #running = new Set<Running<unknown>>();
  readonly #connections: SharedConnections;
  #standbysStarted: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor({
    threads = 2,
    targets,
    concurrency,
    runId,
    socketDirectory,
    connectionEnded,
  }: TransferPoolOptions) {
    const env = rsyncEnvironment({ [runMarker]: runId });
    this.#connections = new SharedConnections({ directory: socketDirectory, env, ended: connectionEnded });
    const options = {
      filename: new URL('./worker.js', import.meta.url).href,
      minThreads: 1,
      maxThreads: 1,
      concurrentTasksPerWorker: concurrency,
      // Otherwise a worker sleeps between tasks without serving the children of those that run.
      atomics: 'disabled' as const,
      recordTiming: false,
      // Little is kept in a thread. Where fork(2) starts an rsync, before Linux 5.3, it copies the page tables of all of it.
      resourceLimits: { maxYoungGenerationSizeMb: 2 },
      // Lists lie in descriptors that the addon opened.
      trackUnmanagedFds: false,
      env,
    };
    this.#startThread = () => new Piscina(options);
    this.#maxThreads = threads;
    while (this.#threads.length < Math.min(threads, targets)) this.#threads.push(this.#startThread());
  }

  submit(request: TransferRequest, askToDelete: AskToDelete = allowAll): Running<TransferOutcome> {
    const transferable = isOwnBuffer(request.changes) ? [request.changes.buffer] : [];
    return this.#run<TransferOutcome>('transfer', request, transferable, askToDelete);
  }

  probe(request: ProbeRequest): Running<ProbeOutcome> {
    return this.#run<ProbeOutcome>('probe', request, []);
  }

  verify(request: VerifyRequest): Running<VerifyOutcome> {
    const running = this.#run<VerifyOutcome | ProbeOutcome>('verify', request, []);
    return {
      get progress() {
        return running.progress;
      },
      outcome: running.outcome.then((outcome) => {
        if (outcome.result === 'compared' || outcome.result === 'failed') return outcome;
        return {
          result: 'failed',
          failure: 'failure' in outcome ? outcome.failure : internalFailure('cancelled'),
        };
      }),
      cancel: () => running.cancel(),
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const running = [...this.#running];
    for (const task of running) task.cancel();
    await Promise.all(running.map(({ outcome }) => outcome));
    // Piscina throws where nobody can catch it when a task ends after its thread was destroyed.
    await this.#standbysStarted;
    await this.retireStandbys();
    await this.#connections.close();
    await Promise.all(this.#threads.map((thread) => thread.destroy()));
  }

  async retireStandbys(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.run(undefined, { name: 'retire' })));
  }

  disconnect(target: string): Promise<void> {
    return this.#connections.end(target);
  }

  #startStandbys(): void {
    if (this.#running.size > 0 || this.#isClosed) return;
    const all = this.#threads.map((thread) => thread.run(undefined, { name: 'startStandbys' }));
    // A thread that fails says so to the next batch.
    this.#standbysStarted = Promise.all([this.#standbysStarted, ...all]).catch(() => {});
  }

  #thread(target: string): Piscina {
    const known = this.#threadOf.get(target);
    if (known !== undefined) return known;
    const index = this.#threadOf.size % this.#maxThreads;
    this.#threads[index] ??= this.#startThread();
    const thread = this.#threads[index];
    this.#threadOf.set(target, thread);
    return thread;
  }

  #run<Outcome extends TransferOutcome | ProbeOutcome | VerifyOutcome>(
    name: 'transfer' | 'probe' | 'verify',
    request: TransferRequest | ProbeRequest | VerifyRequest,
    transferable: ArrayBuffer[],
    askToDelete: AskToDelete = allowAll,
  ): Running<Outcome> {
    const { port1, port2 } = new MessageChannel();
    // Never piscina's own way of aborting: it ends the thread and leaves the children behind.
    const target = this.#connections.through(request.target);
    const run: Promise<Outcome> = this.#thread(target.name).run(
      { request: { ...request, target }, port: port2 },
      { name, transferList: [port2, ...transferable] },
    );
    let progress: TransferProgress = { files: 0, sentBytes: 0 };
    const post = (message: ToTask) => port1.postMessage(message);
    port1.on('message', (message: FromTask) => {
      if (message.progress !== undefined) progress = message.progress;
      else void askToDelete(message.question).then((answer) => post({ answer }));
    });
    const task: Running<Outcome> = {
      get progress() {
        return progress;
      },
      outcome: run
        .catch((error: unknown) => ({ result: 'retry', failure: internalFailure(error) }) as Outcome)
        .finally(() => {
          port1.close();
          this.#running.delete(task);
          // Whoever waits for the outcome may have the next batch.
          setImmediate(() => this.#startStandbys());
        }),
      cancel: () => post('cancel'),
    };
    this.#running.add(task);
    return task;
  }
}

const isOwnBuffer = (bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> =>
  bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength;

const internalFailure = (error: unknown): TransferFailure => ({
  code: 'INTERNAL',
  exitCode: undefined,
  text: error instanceof Error ? error.message : String(error),
  hint: 'this is a fault of imgsync-fast: please report it',
});
