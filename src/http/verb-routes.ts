import { OperationError } from '../core/errors.js';
import type { TargetChoice } from '../daemon/settled.js';
import type { Daemon } from '../daemon/status.js';
import { type Action, RequestError, type Routes } from './control-server.js';

/** What of a daemon the verbs ask. */
export type VerbDaemon = Pick<Daemon, 'settled'>;

/**
 * What the verbs of the command line ask:
 * - `POST /v1/wait`, body `{"paths": […], "targets": "all" | 2 | ["NAME"], "timeoutMs": 30000}`, all optional: answers
 *   when what is at the source now is at the targets, or when the time is over; see `SettledReport`
 */
export const verbRoutes = (daemon: VerbDaemon): Routes => ({
  'POST /v1/wait': action((body, { signal }) =>
    daemon.settled({
      paths: optional(body, 'paths', isTexts, 'a list of paths'),
      targets: optional(body, 'targets', isChoice, '"all", a number or a list of names'),
      timeoutMs: optional(body, 'timeoutMs', isTime, 'a number of milliseconds'),
      signal,
    }),
  ),
});

/** What can't be done is the client's to mend. */
const action =
  (perform: Action): Action =>
  async (body, request) => {
    try {
      return await perform(body, request);
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      throw new RequestError(statuses[error.code], `${error.message}: ${error.hint}`);
    }
  };

const statuses: Readonly<Record<OperationError['code'], number>> = {
  UNKNOWN_TARGET: 404,
  OUTSIDE_SOURCE: 400,
  BAD_REQUEST: 400,
  NOT_POSSIBLE: 409,
  STOPPING: 503,
};

const optional = <Value>(
  body: unknown,
  key: string,
  is: (value: unknown) => value is Value,
  expected: string,
): Value | undefined => {
  const value: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, key) : undefined;
  if (value === undefined || is(value)) return value;
  throw new RequestError(400, `${key}: expected ${expected}`);
};

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');
const isChoice = (value: unknown): value is TargetChoice =>
  value === 'all' || typeof value === 'number' || isTexts(value);
const isTime = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= maxTimeMs;
/** What a timer takes at most. */
const maxTimeMs = 2 ** 31 - 1;
