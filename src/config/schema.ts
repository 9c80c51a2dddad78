import { Cron } from 'croner';
import * as z from 'zod';
import {
  absolutePath,
  flag,
  integer,
  list,
  oneOf,
  type Parsed,
  parsed,
  pattern,
  section,
  size,
  text,
} from './fields.js';
import { hookSchema } from './hook-schema.js';
import { nameOf as nameOfHook } from './hooks.js';
import { commonRsync, faultsOfRsync, targetRsync } from './rsync-schema.js';
import { isBandwidth } from './sizes.js';
import { nameOf, parseTargetUrl } from './target-url.js';

// The keys of sync.json with units, ranges and defaults. sync.schema.json and docs/configuration.md are generated from
// the descriptions here (npm run docs:generate).

const standby = oneOf('auto', 'on', 'off');

const targetUrl = text('expected a URL or an absolute path').transform(
  parsed((url: string) => {
    const result = parseTargetUrl(url);
    return 'fault' in result ? result : { value: { url, location: result.location } };
  }),
);

const targetObject = section({
  name: text('expected a name')
    .regex(/^[^\s\p{C}]{1,128}$/u, { error: 'expected a name of up to 128 characters without blanks' })
    .optional()
    .describe('For logs, status and metrics; unique. Default: host, port and path of the URL.'),
  url: targetUrl.describe(
    '`rsync://[user@]host[:port]/module[/path]` (port 873), `ssh://[user@]host[:port]/path` or the absolute path of a local directory. Percent-encoded where needed, IPv6 in brackets, never with a password.',
  ),
  passwordFile: absolutePath('the password file')
    .optional()
    .describe(
      'Absolute path of a file whose first line is the password for an `rsync://` target. Mode 0600 or less; owned by root when imgsync-fast runs as root.',
    ),
  ssh: section({
    identityFile: absolutePath('the private key').optional().describe('Absolute path of the private key.'),
    knownHostsFile: absolutePath('the known hosts')
      .optional()
      .describe("Absolute path of the known hosts; without it ssh's own files."),
    options: list(
      text('expected Key=Value').regex(/^[A-Za-z]+=[^\s\p{C}](?:[^\p{Cc}]*[^\s\p{C}])?$/u, {
        error: 'expected an option of ssh_config(5) as "Key=Value"',
      }),
      'ssh options',
    )
      .default([])
      .describe('Further options of ssh_config(5): `["ServerAliveInterval=15"]`.'),
    shareConnection: flag()
      .default(false)
      .describe(
        'One connection stays up, and every rsync goes through it: no key exchange before each batch. Its socket is in `stateDir`.',
      ),
  })
    .optional()
    .describe('How `ssh://` targets are reached; only for them.'),
  standby: standby.optional().describe('Overrides `standby` for this target.'),
  bandwidthLimit: text('expected a rate with its unit')
    .refine(isBandwidth, {
      error: 'expected a rate with its unit, 1k or more: "20m" is 20 MiB/s, "500k" is 500 KiB/s',
    })
    .optional()
    .describe(
      'Most that one rsync sends to this target: `"20m"` is 20 MiB/s, `"500k"` 500 KiB/s. Default: no limit.',
    ),
  rsync: targetRsync,
})
  .superRefine(({ url: { location }, passwordFile, ssh }, context) => {
    if (passwordFile !== undefined && location.type !== 'daemon')
      context.addIssue({ code: 'custom', path: ['passwordFile'], message: 'is for rsync:// targets only' });
    if (ssh !== undefined && location.type !== 'ssh')
      context.addIssue({ code: 'custom', path: ['ssh'], message: 'is for ssh:// targets only' });
  })
  .transform(({ url: { url, location }, name = nameOf(location), ...rest }) => ({
    ...rest,
    name,
    url,
    location,
  }));

const plainTarget = targetUrl.transform((url) => targetObject.parse({ url: url.url }));

/** One entry of `targets`, as it is written in the file. */
export const targetSchema = z.union([plainTarget, targetObject], {
  error: 'expected a URL or an object with a url',
});
export type TargetSettings = z.output<typeof targetSchema>;

const deleteLimit = z
  .union([z.number(), z.string()], { error: 'expected a number of entries or a percentage such as "20%"' })
  .transform(
    parsed((limit): Parsed<{ readonly count: number } | { readonly percent: number }> => {
      if (typeof limit === 'number' && Number.isSafeInteger(limit) && limit >= 0)
        return { value: { count: limit } };
      const percent =
        typeof limit === 'string'
          ? Number(/^(\d{1,3}(?:\.\d+)?)%$/.exec(limit)?.[1] ?? Number.NaN)
          : Number.NaN;
      return percent <= 100
        ? { value: { percent } }
        : { fault: 'expected a whole number of entries from 0, or a percentage from "0%" to "100%"' };
    }),
  );

const faultOfSchedule = (schedule: string): string | undefined => {
  const words = 'expected a schedule of cron such as "30 3 * * *"';
  try {
    return new Cron(schedule, { paused: true }).nextRun() === null
      ? `${words}: this one never comes`
      : undefined;
  } catch (error) {
    const reason =
      error instanceof Error ? error.message.replace(/^CronPattern: /, '').replace(/\.$/, '') : '';
    return `${words}: ${reason}`;
  }
};

const isTimeZone = (name: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
};

const listen = text('expected host:port').transform(
  parsed((address: string) => {
    const [, bracketed, host = bracketed, portText] =
      /^(?:\[([0-9A-Fa-f:.%\w]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(address) ?? [];
    const port = Number(portText);
    return host !== undefined && port <= 65_535
      ? { value: { host, port } }
      : { fault: 'expected host:port, such as "127.0.0.1:9380" or "[::1]:9380"' };
  }),
);

const allowedHost = text('expected a host name').regex(
  /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?$/,
  { error: 'expected a host name such as "status.example" or "status.example:8443"' },
);

/** `http.tokenFile`, as it is written in the file. */
export const tokenFileSchema = absolutePath('the file with the token')
  .optional()
  .describe(
    'Absolute path of a file whose first line is the token that requests over TCP need to change anything, at least 16 characters. Mode 0600 or less; owned by root when imgsync-fast runs as root. Without it such requests are refused over TCP.',
  );

export const sourceSchema = absolutePath('the directory to replicate').describe(
  'Absolute path of the directory whose content is replicated. It has to exist.',
);
export const stateDirSchema = absolutePath('a directory')
  .optional()
  .describe(
    'Absolute path of the directory for state that outlives a restart; created when it is missing, never inside the source or a local target. Default: `/var/lib/imgsync-fast/NAME-HASH` for root, else `$XDG_STATE_HOME/imgsync-fast/NAME-HASH` (`~/.local/state`), both made from the source.',
  );
export const failLogSchema = absolutePath('a file')
  .optional()
  .describe('Absolute path of a file to which paths that a target can not take are written. Default: none.');

export const logFileSchema = absolutePath('a file')
  .optional()
  .describe(
    'Absolute path of a file for the log, instead of standard output. SIGHUP opens it anew, for a file that was moved away.',
  );

/** The whole of sync.json. */
export const configSchema = section({
  $schema: z.string().optional().describe('Where editors find the schema of this file; not used otherwise.'),
  source: sourceSchema,
  targets: list(targetSchema, 'targets').describe(
    'Where the source is replicated to: URLs, or objects with a URL and more. Names and places are unique. Empty only with `hooks`, which then are told of every change.',
  ),
  include: list(pattern, 'patterns')
    .default([])
    .describe(
      'Patterns of rsync that are replicated although an exclude matches; tried before the excludes.',
    ),
  exclude: list(pattern, 'patterns')
    .default([])
    .describe(
      'Patterns of rsync that are neither watched nor sent nor deleted: `*.tmp` anywhere, `/info/` only at the top, with a slash at the end only directories. The first match wins.',
    ),
  delete: z
    .union(
      [
        z.boolean(),
        section({
          max: deleteLimit
            .optional()
            .describe(
              'Most entries deleted within `windowMs`: a number, or a percentage of the tree (`"20%"`); a directory counts with all in it. `"100%"`: no limit. Default: half of a tree of 1000 entries and more, for each target.',
            ),
          windowMs: integer('ms', 1_000, 86_400_000).default(60_000).describe('Window of the limit, ms.'),
        }),
      ],
      { error: 'expected true, false or an object with max and windowMs' },
    )
    .prefault(true)
    .describe(
      'Whether what is deleted in the source is deleted from the targets. An object sets how much: above the limit the deletes of a target are held while sending goes on, until `imgsync-fast deletes approve` or `reject`. See deletes.md.',
    ),
  events: section({
    attrib: flag().default(true).describe('Replicate changes of mode, owner and times alone.'),
    modify: flag()
      .default(false)
      .describe('Send files that are held open for writing at every settle, not only when they are closed.'),
  })
    .prefault({})
    .describe('What counts as a change beside creating, closing after a write, moving and deleting.'),
  rsync: commonRsync,
  batch: section({
    maxPaths: integer('paths', 1, 1_000_000).default(8_192).describe('Paths in one batch at most.'),
    lingerMs: integer('ms', 0, 10_000)
      .default(3)
      .describe(
        'How long a first change waits for more of its kind, ms: one batch then carries create, chmod and rename. After a pause it is 1 ms at most.',
      ),
    parallel: integer('batches', 1, 64)
      .default(2)
      .describe(
        'Batches of one target that may run at the same time. Among several targets a further one waits for up to 4 s while the processors are busy with others, so that more changes go in it.',
      ),
    bigFileBytes: size(1)
      .prefault('64m')
      .describe(
        'Files of this size and more go in a lane of their own, so that small ones never wait behind them.',
      ),
    maxBytes: size(1).prefault('256m').describe('Bytes of regular files in one batch at most.'),
  })
    .prefault({})
    .describe('How changes are put together. The defaults suit nearly everybody.'),
  standby: standby
    .default('auto')
    .describe(
      'Whether a started rsync waits for the next changes of a target, so that they arrive within milliseconds: `"auto"` while there are some, `"on"` always, `"off"` never. It takes one more connection; a target without one to spare is noticed.',
    ),
  settleMs: integer('ms', 1, 3_600_000)
    .default(100)
    .describe(
      'How long a file that was created or truncated but not closed has to rest before it is looked at, ms. A file that a writer holds is not sent.',
    ),
  crossMounts: flag()
    .default(true)
    .describe('Replicate what other file systems mounted below the source hold.'),
  stateDir: stateDirSchema,
  http: section({
    listen: listen.describe('`host:port`; an IPv6 address in brackets, port 0 for any free one.'),
    tokenFile: tokenFileSchema,
    allowedHosts: list(allowedHost, 'host names')
      .default([])
      .describe(
        'Further names by which it may be addressed, as behind a proxy: `"status.example"`, with a port only that port. Those of `listen` and `localhost` always are.',
      ),
    readyTargets: integer('targets', 0, 10_000)
      .default(1)
      .describe('Targets that have to be reachable for `/readyz` to be well.'),
  })
    .optional()
    .describe('Status page, status and metrics on a TCP address, see monitoring.md. Off unless given.'),
  log: section({
    level: oneOf('trace', 'debug', 'info', 'warn', 'error')
      .default('info')
      .describe('Least level that is logged.'),
    pretty: z
      .union([z.boolean(), z.literal('auto')], { error: 'expected true, false or "auto"' })
      .default('auto')
      .describe('Lines for people instead of JSON. `"auto"`: on a terminal.'),
    file: logFileSchema,
  })
    .prefault({})
    .describe('The log, on standard output unless it has a file.'),
  stopTimeoutSeconds: integer('seconds', 0, 3_600)
    .default(10)
    .describe(
      'How long running transfers may take to finish when imgsync-fast is stopped, seconds; then they are cut.',
    ),
  retry: section({
    minMs: integer('ms', 1, 3_600_000)
      .default(500)
      .describe('First pause after a failure, ms; it doubles with each.'),
    maxMs: integer('ms', 1, 86_400_000).default(60_000).describe('Longest pause, ms.'),
    haltedMs: integer('ms', 1, 86_400_000)
      .default(15_000)
      .describe('Pause while a target needs a person (wrong password, module read-only), ms.'),
  })
    .refine(({ minMs, maxMs }) => minMs <= maxMs, { path: ['maxMs'], error: 'expected minMs or more' })
    .prefault({})
    .describe('Pauses between tries to reach a target that failed. It is never given up.'),
  maxRsyncs: integer('processes', 1, 1_024)
    .optional()
    .describe(
      'Running rsyncs over all targets at most. Default: two for each target, at least 8 and at most 32.',
    ),
  changeLogLimit: size(65_536)
    .prefault('64m')
    .describe(
      'Memory for changes that targets have not taken yet. A target that falls behind further is compared with the tree instead.',
    ),
  initialSync: flag()
    .default(true)
    .describe('Bring every target up to date at the start. `false`: only what changes from now on is sent.'),
  failLog: failLogSchema,
  fullSync: section({
    schedule: text('expected a schedule of cron')
      .superRefine((value, context) => {
        const fault = faultOfSchedule(value);
        if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
      })
      .describe(
        'When it begins, in the fields of cron (minute, hour, day, month, weekday; with six the first is the second): `"0 3 * * 0"` is Sunday at 3:00.',
      ),
    timeZone: text('expected a time zone')
      .refine(isTimeZone, { error: 'expected a time zone such as "Asia/Shanghai"' })
      .optional()
      .describe('Time zone of the schedule, such as `"Asia/Shanghai"`. Default: that of the machine.'),
  })
    .optional()
    .describe(
      'Full syncs by the clock: each target is compared with the source as if nothing were known of it, one target after the other, beside the live changes. It heals what was changed at a target by somebody else.',
    ),
  hooks: list(hookSchema, 'hooks')
    .default([])
    .describe(
      'What is told of changes that targets have. A hook never holds up the replication. See hooks.md.',
    ),
}).superRefine(({ targets, hooks, rsync, exclude }, context) => {
  const fault = (path: (string | number)[], message: string) =>
    context.addIssue({ code: 'custom', path, message });
  for (const { path, message } of faultsOfRsync(rsync, rsync, exclude)) fault(['rsync', ...path], message);
  for (const [index, target] of targets.entries())
    for (const { path, message } of faultsOfRsync(target.rsync, rsync, exclude))
      fault(['targets', index, 'rsync', ...path], message);
  if (targets.length === 0 && hooks.length === 0) fault(['targets'], 'expected at least one target');
  const names = hooks.map((_hook, index) => nameOfHook(hooks, index));
  for (const [index, { when }] of hooks.entries()) {
    const first = names.indexOf(names[index] ?? '');
    if (first < index) fault(['hooks', index], `its name ${names[index]} is that of /hooks/${first} already`);
    if (typeof when === 'number' && targets.length > 0 && when > targets.length)
      fault(['hooks', index, 'when'], `expected at most the number of targets, ${targets.length}`);
  }
});

/**
 * A configuration as it is written: in sync.json or as the object that the library takes. Only `source` and `targets` are
 * needed. Every key with its unit, range and default: docs/configuration.md of the package.
 */
export type ConfigInput = z.input<typeof configSchema>;
export type Settings = z.output<typeof configSchema>;

/** JSON Schema (draft 7) of sync.json, with descriptions and defaults. */
export const jsonSchema = (): Record<string, unknown> => ({
  ...z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7' }),
  title: 'Configuration of imgsync-fast',
});
