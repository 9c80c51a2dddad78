import type { MessagePort } from 'node:worker_threads';
import { type BatchContext, sendBatch } from './batch.js';
import { prepareToStart } from './child-process.js';
import { Comparing } from './comparing.js';
import type {
  DeleteAnswer,
  DeleteQuestion,
  ProbeOutcome,
  ProbeRequest,
  TransferOutcome,
  TransferProgress,
  TransferRequest,
  VerifyOutcome,
  VerifyRequest,
} from './messages.js';
import { probeTarget } from './probe.js';
import { Standbys } from './standby.js';
import { verifyTarget } from './verify.js';

/** What a task brings along. The port carries `ToTask` and `FromTask`. */
export interface Task<Request> {
  readonly request: Request;
  readonly port: MessagePort;
}

/** `cancel` ends the task; the other answers its question. */
export type ToTask = 'cancel' | { readonly answer: DeleteAnswer };
export type FromTask =
  | { readonly progress: TransferProgress; readonly question?: never }
  | { readonly question: DeleteQuestion; readonly progress?: never };

/** Those of this thread. Every task of one target comes to the same thread. */
const standbys = new Standbys(process.env);
const comparing = new Comparing();

export const transfer = (task: Task<TransferRequest>): Promise<TransferOutcome> =>
  standbys.during(() => withCancel(task, sendBatch));

export const probe = (task: Task<ProbeRequest>): Promise<ProbeOutcome> => withCancel(task, probeTarget);

export const verify = (task: Task<VerifyRequest>): Promise<VerifyOutcome> => withCancel(task, verifyTarget);

/** No thread sends anything: a good moment to start the standbys of this one. */
export const startStandbys = (): Promise<void> => standbys.startPlanned();

/** Ends every standby of this thread. */
export const retire = (): Promise<void> => standbys.retireAll();

const withCancel = async <Request, Outcome>(
  { request, port }: Task<Request>,
  run: (request: Request, context: BatchContext) => Promise<Outcome>,
): Promise<Outcome> => {
  const cancel = new AbortController();
  let tellAnswer: (answer: DeleteAnswer) => void = () => {};
  port.on('message', (message: ToTask) => {
    if (message !== 'cancel') return tellAnswer(message.answer);
    cancel.abort();
    tellAnswer('hold');
  });
  const post = (message: FromTask) => port.postMessage(message);
  try {
    await prepareToStart();
    return await run(request, {
      env: process.env,
      standbys,
      comparing,
      signal: cancel.signal,
      onProgress: (progress) => post({ progress }),
      askToDelete: (question) =>
        new Promise((resolve) => {
          tellAnswer = resolve;
          if (cancel.signal.aborted) resolve('hold');
          post({ question });
        }),
    });
  } finally {
    port.close();
  }
};
