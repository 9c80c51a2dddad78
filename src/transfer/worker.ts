import type { MessagePort } from 'node:worker_threads';
import { type BatchContext, sendBatch } from './batch.js';
import type { ProbeOutcome, ProbeRequest, TransferOutcome, TransferRequest } from './messages.js';
import { probeTarget } from './probe.js';
import { Standbys } from './standby.js';

/** What a task brings along. A message on the port cancels it; it answers with the progress. */
export interface Task<Request> {
  readonly request: Request;
  readonly port: MessagePort;
}

/** Those of this thread. Every task of one target comes to the same thread. */
const standbys = new Standbys(process.env);

export const transfer = (task: Task<TransferRequest>): Promise<TransferOutcome> =>
  standbys.during(() => withCancel(task, sendBatch));

export const probe = (task: Task<ProbeRequest>): Promise<ProbeOutcome> => withCancel(task, probeTarget);

/** Ends every standby of this thread. */
export const retire = (): Promise<void> => standbys.retireAll();

const withCancel = async <Request, Outcome>(
  { request, port }: Task<Request>,
  run: (request: Request, context: BatchContext) => Promise<Outcome>,
): Promise<Outcome> => {
  const cancel = new AbortController();
  port.once('message', () => cancel.abort());
  try {
    return await run(request, {
      env: process.env,
      standbys,
      signal: cancel.signal,
      onProgress: (progress) => port.postMessage(progress),
    });
  } finally {
    port.close();
  }
};
