import * as z from 'zod';
import { absolutePath, integer, list, oneOf, type Parsed, parsed, pattern, section, text } from './fields.js';

// The keys of the entries of `hooks`.

const targets = { error: 'expected "each", "all" or a number of targets' };

/** @param retries default @param maxPaths default @param when default */
const common = (retries: number, maxPaths: number, when: 'each' | 'all') => ({
  name: text('expected a name')
    .regex(/^[^\s\p{C}]{1,128}$/u, { error: 'expected a name of up to 128 characters without blanks' })
    .optional()
    .describe('For logs and status; unique. Default: the type, with a number where there are several.'),
  when: z
    .union(
      [z.literal(['each', 'all']), z.number(targets).int(targets).min(1, targets).max(10_000, targets)],
      targets,
    )
    .default(when)
    .describe(
      '`"each"`: for every target, as soon as it has a batch. `"all"` or a number: once, as soon as all or so many targets have a path.',
    ),
  only: list(pattern, 'patterns')
    .default([])
    .describe(
      'Patterns of rsync: the hook is told only of paths that match one of them or lie in a directory that does. Default: of all.',
    ),
  exclude: list(pattern, 'patterns')
    .default([])
    .describe('Patterns of rsync: the hook is not told of these, nor of what lies below.'),
  timeoutSeconds: integer('seconds', 1, 86_400)
    .default(30)
    .describe('A call that takes longer is ended (a command with all that it started) and counts as failed.'),
  retries: integer('tries', 0, 1_000)
    .default(retries)
    .describe(
      'Tries after one that failed, with pauses that grow from 0.5 s to 60 s; then the paths of the call are given up and counted as lost.',
    ),
  concurrency: integer('calls', 1, 256)
    .default(4)
    .describe('Calls that run at the same time; those for one target always come one after the other.'),
  maxPaths: integer('paths', 1, 100_000)
    .default(maxPaths)
    .describe('Paths in one call; what gathers while a call runs goes with the next.'),
  queuePaths: integer('paths', 1, 10_000_000)
    .default(100_000)
    .describe('Paths that wait for the hook at most; when there are more, the oldest are counted as lost.'),
});

const headers = z
  .record(
    z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/),
    text('expected a text').regex(/^[\t\x20-\x7e\x80-\xff]*$/, {
      error: 'expected a text without line breaks',
    }),
    { error: 'expected an object of header names and texts' },
  )
  .default({})
  .describe('Further headers of the request: `{"X-Origin": "img64"}`.');

const secretFile = (use: string) =>
  absolutePath('the file with the secret')
    .optional()
    .describe(
      `Absolute path of a file whose first line is ${use}. Mode 0600 or less. It is read at each call.`,
    );

const httpUrl = (text_: string): string | undefined => {
  const { protocol, username, password } = URL.canParse(text_) ? new URL(text_) : { protocol: '' };
  if (protocol !== 'http:' && protocol !== 'https:')
    return 'expected a URL that begins with http:// or https://';
  return username || password
    ? 'expected a URL without user and password: headers and secretFile are for them'
    : undefined;
};

const url = text('expected a URL').superRefine((value, context) => {
  const fault = httpUrl(value);
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
});

/** A URL with placeholders, checked with something harmless in their place. */
const template = (needed: readonly string[], allowed: readonly string[]) =>
  text('expected a URL').superRefine((value, context) => {
    const found = [...value.matchAll(/\{(\w*)\}/g)].map(([, name = '']) => name);
    const strange = found.find((name) => !allowed.includes(name));
    const missing = needed.find((name) => !found.includes(name));
    const fault =
      strange !== undefined
        ? `{${strange}} is no placeholder; known here are ${allowed.map((name) => `{${name}}`).join(', ')}`
        : missing !== undefined
          ? `expected {${missing}} in it`
          : /^\{url\}$/.test(value)
            ? undefined
            : httpUrl(value.replace(/\{\w*\}/g, 'x'));
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
  });

const address = text('expected an address').transform(
  parsed((value: string): Parsed<{ host: string; port: number } | { path: string }> => {
    const [, path] = /^unix:(\/[^\0]{1,106})$/.exec(value) ?? [];
    if (path !== undefined) return { value: { path } };
    const [, bracketed, host = bracketed, portText] =
      /^tcp:\/\/(?:\[([0-9A-Fa-f:.%\w]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(value) ?? [];
    const port = Number(portText);
    return host !== undefined && port >= 1 && port <= 65_535
      ? { value: { host, port } }
      : { fault: 'expected "tcp://host:port" or "unix:/path/of/a/socket"' };
  }),
);

const type = <const Type extends string>(name: Type, meaning: string) => z.literal(name).describe(meaning);

const commandHook = section({
  type: type('command', 'Runs a program, never a shell.'),
  argv: list(
    text('expected an argument').regex(/^[^\0]*$/, { error: 'an argument holds no NUL' }),
    'arguments',
  )
    .min(1, { error: 'expected the program to run' })
    .refine(([program = '']) => /^[^-{]/.test(program), { error: 'expected the program to run' })
    .describe(
      'Program and arguments, each a text of its own: `["/opt/after.sh", "{paths}", "done"]`. `{paths}` stands for the paths; without it they come last.',
    ),
  pass: oneOf('arguments', 'stdin', 'json')
    .default('arguments')
    .describe(
      'How the paths come: absolute, as `"arguments"`; absolute, each followed by a NUL, on `"stdin"`; or as the `"json"` of a webhook on standard input. Names that are not UTF-8 can not be arguments.',
    ),
  ...common(0, 1_000, 'each'),
});

const webhookHook = section({
  type: type('webhook', 'Sends a POST request with JSON.'),
  url: url.describe('Where the request goes; an answer other than 2xx is a failure.'),
  headers,
  secretFile: secretFile(
    'the key of the HMAC-SHA256 of the body, in hex in the header `X-Imgsync-Signature: sha256=…`',
  ),
  ...common(8, 1_000, 'each'),
});

const socketHook = section({
  type: type('socket', 'Writes one line for each path to a stream socket.'),
  address: address.describe('`tcp://host:port` or `unix:/path`.'),
  ...common(8, 1_000, 'each'),
});

const cdnPurgeHook = section({
  type: type('cdn-purge', 'Tells a CDN or a cache which URLs are stale.'),
  publicUrl: template(['path'], ['path']).describe(
    'URL of a path; `{path}` stands for the path below the source, percent-encoded: `https://pic.example.com/cms/{path}`.',
  ),
  request: template([], ['url', 'urls', 'secret']).describe(
    'What is requested. With `{url}` (or `{urls}`, separated by CR LF) in it the stale URLs are a part of it, encoded unless `"{url}"` is all; otherwise they are sent as JSON. `{secret}` stands for the encoded secret.',
  ),
  method: text('expected a method')
    .regex(/^[A-Z]{1,20}$/, { error: 'expected a method of HTTP such as "POST" or "PURGE"' })
    .default('POST')
    .describe('Method of the request. The JSON goes with `POST`, `PUT`, `PATCH` and `DELETE`.'),
  headers,
  bodyKey: text('expected a name')
    .min(1, { error: 'expected a name' })
    .default('urls')
    .describe('Key of the list in the JSON: `{"urls": […]}`.'),
  secretFile: secretFile(
    'what `{secret}` stands for, or, where that is not used, the token of `Authorization: Bearer …`',
  ),
  ...common(8, 30, 'all'),
}).refine(({ request, method }) => /\{urls?\}/.test(request) || /^(?:POST|PUT|PATCH|DELETE)$/.test(method), {
  path: ['method'],
  error: 'expected POST, PUT, PATCH or DELETE, or {url} or {urls} in request: JSON goes with these alone',
});

/** One entry of `hooks`, as it is written in the file. */
export const hookSchema = z.discriminatedUnion('type', [commandHook, webhookHook, socketHook, cdnPurgeHook], {
  error: 'expected an object whose type is "command", "webhook", "socket" or "cdn-purge"',
});
export type HookSettings = z.output<typeof hookSchema>;
