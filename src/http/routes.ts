import type { IncomingMessage, ServerResponse } from 'node:http';
import { ReplicationError } from '../core/errors.js';

/** What an action knows of its request beside the body. */
export interface ActionRequest {
  readonly query: URLSearchParams;
  /** Aborts when the client goes away before it has its answer. An answer may take as long as it wants. */
  readonly signal: AbortSignal;
}

/** Answers one request: gets the parsed body (`undefined` without one), gives what is sent back as JSON. */
export type Action = (body: unknown, request: ActionRequest) => unknown | Promise<unknown>;

/** `GET /v1/deletes` -> action. */
export type Routes = Readonly<Record<string, Action>>;

/** Answers a GET by itself, in another form than JSON or for longer. */
export type View = (
  request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
) => void | Promise<void>;

/** `/metrics` -> view. */
export type Views = Readonly<Record<string, View>>;

/** All that is served. */
export interface Site {
  readonly actions: Routes;
  readonly views: Views;
}

/** Words for statuses; what is not among them is a `BAD_REQUEST`. */
const codes: Readonly<Record<number, string>> = {
  401: 'TOKEN_NEEDED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  413: 'BODY_TOO_LARGE',
  503: 'BUSY',
};

/** A request that can't be met; becomes the status of the answer. */
export class RequestError extends ReplicationError {
  override readonly code: string;
  override readonly hint = 'see docs/control.md';

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.code = codes[status] ?? 'BAD_REQUEST';
  }
}
