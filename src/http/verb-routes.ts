import { OperationError } from '../core/errors.js';
import type { TargetChoice } from '../daemon/settled.js';
import type { PathText } from '../daemon/source-path.js';
import type { Daemon } from '../daemon/status.js';
import { type Action, RequestError, type Routes } from './control-server.js';

/** What of a daemon the verbs ask. */
export type VerbDaemon = Pick<Daemon, 'settled' | 'operations'>;

/**
 * What the verbs of the command line ask; `target` may be left out where all targets are meant otherwise. A path that is no
 * UTF-8 is `{"base64": "…"}` in `paths`, or `?base64=…`:
 * - `POST /v1/wait`, body `{"paths": […], "targets": "all" | 2 | ["NAME"], "timeoutMs": 30000}`, all optional: answers
 *   when what is at the source now is at the targets, or when the time is over; see `SettledReport`
 * - `GET /v1/why?path=…`: see `WhyReport`
 * - `POST /v1/targets/pause`, `resume`, body `{"target": "NAME"}`; `drain` also takes `timeoutMs` and answers as `wait` does
 * - `POST /v1/targets/add`, body `{"target": URL or object}`, and `rm`, body `{"target": "NAME"}`: its name as `target`
 * - `POST /v1/push`, body `{"paths": […], "target": "NAME"}`: the number of `paths`
 * - `POST /v1/full`, body `{"target": "NAME"}`: names of the `targets` whose turn comes
 * - `POST /v1/verify`, body `{"target", "checksum", "sample", "heal"}`, all optional: see `VerifyReport`
 */
export const verbRoutes = (daemon: VerbDaemon): Routes => ({
  'POST /v1/wait': action((body, { signal }) =>
    daemon.settled({
      paths: pathsIn(body),
      targets: optional(body, 'targets', isChoice, '"all", a number or a list of names'),
      timeoutMs: optional(body, 'timeoutMs', isTime, 'a number of milliseconds'),
      signal,
    }),
  ),
  'GET /v1/why': action((_body, { query }) => {
    const base64 = query.get('base64');
    const path = base64 === null ? query.get('path') : bytesOf(base64);
    if (path === null) throw new RequestError(400, 'path: is missing');
    return daemon.operations.why(path);
  }),
  'POST /v1/targets/pause': action((body) => {
    daemon.operations.pause(nameIn(body));
    return {};
  }),
  'POST /v1/targets/resume': action((body) => {
    daemon.operations.resume(nameIn(body));
    return {};
  }),
  'POST /v1/targets/drain': action((body, { signal }) =>
    daemon.operations.drain(nameIn(body), {
      timeoutMs: optional(body, 'timeoutMs', isTime, 'a number of milliseconds'),
      signal,
    }),
  ),
  'POST /v1/targets/add': action(async (body) => ({
    target: await daemon.operations.addTarget(
      typeof body === 'object' && body !== null ? Reflect.get(body, 'target') : undefined,
    ),
  })),
  'POST /v1/targets/rm': action(async (body) => ({
    target: await daemon.operations.removeTarget(nameIn(body)),
  })),
  'POST /v1/push': action((body) => ({
    paths: daemon.operations.push(pathsIn(body) ?? [], optional(body, 'target', isText, 'a name')),
  })),
  'POST /v1/full': action((body) => ({
    targets: daemon.operations.fullSync(optional(body, 'target', isText, 'a name')),
  })),
  'POST /v1/verify': action((body, { signal }) =>
    daemon.operations.verify({
      target: optional(body, 'target', isText, 'a name'),
      checksum: optional(body, 'checksum', isFlag, 'true or false'),
      sample: optional(body, 'sample', isCount, 'a number of directories'),
      heal: optional(body, 'heal', isFlag, 'true or false'),
      signal,
    }),
  ),
});

const pathsIn = (body: unknown): PathText[] | undefined =>
  optional(body, 'paths', isPaths, 'a list of paths, each a text or {"base64": "…"}')?.map((path) =>
    typeof path === 'string' ? path : bytesOf(path.base64),
  );
const bytesOf = (base64: string): Uint8Array => Buffer.from(base64, 'base64');

const nameIn = (body: unknown): string => {
  const name = optional(body, 'target', isText, 'a name');
  if (name === undefined) throw new RequestError(400, 'target: is missing');
  return name;
};

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

const isText = (value: unknown): value is string => typeof value === 'string';
const isFlag = (value: unknown): value is boolean => typeof value === 'boolean';
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0;
const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');
const isPaths = (value: unknown): value is (string | { base64: string })[] =>
  Array.isArray(value) &&
  value.every((each: unknown) =>
    isText(typeof each === 'object' && each !== null ? Reflect.get(each, 'base64') : each),
  );
const isChoice = (value: unknown): value is TargetChoice =>
  value === 'all' || typeof value === 'number' || isTexts(value);
const isTime = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= maxTimeMs;
/** What a timer takes at most. */
const maxTimeMs = 2 ** 31 - 1;
