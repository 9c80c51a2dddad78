import { posix } from 'node:path';
import { type ConfigInput, configSchema } from '../../schema.js';
import { parseTargetUrl } from '../../target-url.js';
import type { Report } from '../report.js';
import { type RsyncParams, readRsyncParams } from '../rsync-params.js';
import {
  type ConfigParts,
  type RsyncSettings,
  rsyncSettings,
  type TargetParts,
  treeSettings,
} from '../settings.js';
import { daemonUrl, type RemoteShell, readRemoteShell, sshTarget } from '../target-urls.js';
import type { Encoding } from '../text-encoding.js';
import { Fields, kindOf } from './fields.js';
import type { LuaEntry, LuaTable } from './lua.js';
import { listOf, type ReadLines, readRules } from './rules.js';

/** What is known of the file that a sync stands in. */
export interface Context {
  readonly encoding: Encoding;
  readonly readLines: ReadLines;
}

/** One sync: what holds for the tree, and one target of it. */
export interface Sync {
  readonly tree: Pick<ConfigParts, 'source' | 'include' | 'exclude' | 'deletes' | 'rest'>;
  readonly target: TargetParts;
  readonly rsync: RsyncSettings;
}

export const changesAtOnce =
  'changes are not gathered for a time: what changes while a batch is on its way is the next batch';

/** Reads the table of one `sync`; `undefined` when it is no sync by rsync, or there are faults. */
export const readSync = (
  table: LuaTable,
  { encoding, readLines }: Context,
  report: Report,
): Sync | undefined => {
  const fields = new Fields(table, 'sync', encoding, report);
  const kind = kindOfSync(fields);
  if (kind === undefined) {
    fields.note(
      table,
      'not carried',
      '*',
      'only default.rsync, default.rsyncssh and default.direct replicate by rsync',
    );
    return undefined;
  }
  const before = report.faults.length;
  const source = readSource(fields, report);
  const params = readRsync(fields, report);
  const target =
    kind === 'rsyncssh' ? readSshTarget(fields, params, report) : readTarget(fields, params, report);
  const rules = readRules(fields, params, readLines);
  const deletes = readDelete(fields);
  const rest = { ...treeSettings(params), ...readInit(fields), ...readBatch(fields), ...readCrontab(fields) };
  for (const [key, [how, message]] of others) {
    const entry = fields.take(key);
    if (entry !== undefined) fields.note(entry, how, key, message);
  }
  fields.noteRest();
  if (report.faults.length > before || source === undefined || target === undefined) return undefined;
  const path = params.program === undefined ? {} : { path: params.program };
  return { tree: { source, ...rules, deletes, rest }, target, rsync: { ...path, ...rsyncSettings(params) } };
};

const kindOfSync = (fields: Fields): string | undefined => {
  for (const { value } of fields.items)
    if (typeof value === 'object' && value?.type === 'name')
      return /^default\.(rsync|rsyncssh|direct)$/.exec(value.name)?.[1];
  return undefined;
};

const readSource = (fields: Fields, report: Report): string | undefined => {
  const before = report.faults.length;
  const source = fields.takeText('source');
  if (source?.startsWith('/') === true) return posix.join(source).replace(/(?<=.)\/$/, '');
  if (report.faults.length === before)
    report.fault(fields.table, 'sync.source: expected the absolute path of a directory');
  return undefined;
};

/** The options of rsync, and the program. */
type Params = RsyncParams & { readonly program: string | undefined };

/** lsyncd gives these unless it is told not to. */
const given = ['links', 'times', 'protect_args'];
const archived = ['links', 'perms', 'times', 'group', 'owner', 'devices', 'specials'];

const readRsync = (fields: Fields, report: Report): Params => {
  const table = fields.takeTable('rsync');
  if (table === undefined) return { ...readRsyncParams(given.map(optionOf)), program: undefined };
  const program = table.takeText('binary');
  const extra = wordsIn(table.take('_extra'), table, report);
  const options = new Map<string, string>(given.map((name) => [name, optionOf(name)]));
  const isArchive = isTrue(table.table, 'archive');
  for (const key of table.keys) {
    const entry = table.take(key);
    const option = entry === undefined ? undefined : readOption(key, entry, isArchive, table, report);
    if (option === undefined) options.delete(key);
    else options.set(key, option);
  }
  const params = readRsyncParams([...options.values(), ...extra]);
  for (const note of params.notes)
    report.note(table.table, { ...note, about: `${table.path} ${note.about}` });
  return { ...params, program };
};

const isTrue = (table: LuaTable, key: string): boolean =>
  table.entries.some((entry) => entry.key === key && entry.value === true);

const optionOf = (name: string): string => `--${name.replaceAll('_', '-')}`;

const readOption = (
  key: string,
  entry: LuaEntry,
  isArchive: boolean,
  table: Fields,
  report: Report,
): string | undefined => {
  const { value } = entry;
  if (value === true) return optionOf(key);
  if (value === false || value === null)
    return archived.includes(key) && (isArchive || given.includes(key)) ? `--no-${key}` : undefined;
  if (typeof value === 'string' || typeof value === 'number')
    return `${optionOf(key)}=${typeof value === 'string' ? table.decoded(value, entry) : value}`;
  report.fault(entry, `${table.path}.${key}: expected a value, found ${kindOf(value)}`);
  return undefined;
};

const wordsIn = (entry: LuaEntry | undefined, fields: Fields, report: Report): string[] => {
  if (entry === undefined || entry.value === null) return [];
  const { value } = entry;
  if (typeof value === 'string') return [fields.decoded(value, entry)];
  const words = typeof value === 'object' && value.type === 'table' ? value.entries : undefined;
  return (words ?? [entry]).flatMap((item) => {
    if (typeof item.value === 'string') return [fields.decoded(item.value, item)];
    report.fault(item, `${fields.path}: expected a text, found ${kindOf(item.value)}`);
    return [];
  });
};

const readTarget = (fields: Fields, params: Params, report: Report): TargetParts | undefined => {
  const target = fields.takeText('target');
  if (target === undefined) {
    report.fault(
      fields.table,
      'sync.target: expected rsync://host/module, host::module, host:/path or a local path',
    );
    return undefined;
  }
  const shell = params.shell === undefined ? undefined : shellOf(params.shell, fields);
  const [, daemonUser, daemonHost = '', port, daemonModule] =
    /^rsync:\/\/(?:([^@/]*)@)?(\[[^\]]*\]|[^:/]*)(?::(\d+))?\/(.*)$/s.exec(target) ?? [];
  const [, host, module] = /^([^/]*?)::(.*)$/s.exec(target) ?? [];
  const [, sshHost, path] = /^([^/]*?):(?!:)(.*)$/s.exec(target) ?? [];
  if (daemonModule !== undefined || module !== undefined) {
    if (shell !== undefined) report.fault(fields.table, throughShell);
    const place =
      daemonModule === undefined
        ? { user: undefined, host: bare(host ?? ''), port: params.port, module: module ?? '' }
        : { user: daemonUser, host: bare(daemonHost), port: port ?? params.port, module: daemonModule };
    return checked({ url: daemonUrl(place), ...secrets(params) }, fields, report);
  }
  if (path !== undefined) return behindSsh(sshHost ?? '', path, shell ?? noShell, params, fields, report);
  return checked({ url: target, ...limits(params) }, fields, report);
};

const throughShell =
  'sync.rsync.rsh: speaks to an rsync daemon through a remote shell, which imgsync-fast does not do: choose rsync:// or ssh:// and correct it';

const readSshTarget = (fields: Fields, params: Params, report: Report): TargetParts | undefined => {
  const host = fields.takeText('host');
  const path = fields.takeText('targetdir');
  const shell = readSshTable(fields, params, report);
  if (host !== undefined && path !== undefined) return behindSsh(host, path, shell, params, fields, report);
  report.fault(fields.table, 'sync: default.rsyncssh needs the texts host and targetdir');
  return undefined;
};

const noShell = readRemoteShell('ssh');

const shellOf = (command: string, fields: Fields): RemoteShell => {
  const shell = readRemoteShell(command);
  if (shell.rest.length > 0)
    fields.note(
      fields.table,
      'not carried',
      `rsync.rsh ${shell.rest.join(' ')}`,
      'these have no key',
      'targets',
    );
  return shell;
};

const readSshTable = (fields: Fields, params: Params, report: Report): RemoteShell => {
  const table = fields.takeTable('ssh');
  const shell = shellOf(params.shell ?? 'ssh', fields);
  if (table === undefined) return shell;
  const port = table.take('port')?.value;
  const identityFile = table.takeText('identityFile');
  const options = table.takeTable('options');
  const named = options?.keys.map((key) => `${key}=${String(options.take(key)?.value)}`) ?? [];
  const extra = shellOf(['ssh', ...wordsIn(table.take('_extra'), table, report)].join(' '), fields);
  const binary = table.take('binary');
  if (binary !== undefined) table.note(binary, 'not carried', 'binary', 'the ssh in PATH is used');
  table.noteRest();
  return {
    ...shell,
    port: port === undefined || port === null ? (extra.port ?? shell.port) : String(port),
    identityFile: identityFile ?? extra.identityFile ?? shell.identityFile,
    options: [...shell.options, ...named, ...extra.options],
  };
};

const behindSsh = (
  host: string,
  path: string,
  shell: RemoteShell,
  params: Params,
  fields: Fields,
  report: Report,
): TargetParts | undefined => {
  if (path.startsWith('/'))
    return checked(
      { ...sshTarget({ user: undefined, host: bare(host), path }, shell), ...limits(params) },
      fields,
      report,
    );
  report.fault(
    fields.table,
    `sync: ${JSON.stringify(path)} is relative to a home directory: write the absolute path`,
  );
  return undefined;
};

/** An IPv6 address without its brackets; a user may stand before it. */
const bare = (host: string): string => host.replace(/\[(.*)\]$/, '$1');

const limits = ({ bandwidthLimit }: Params): Partial<TargetParts> =>
  bandwidthLimit === undefined ? {} : { bandwidthLimit };

const secrets = (params: Params): Partial<TargetParts> => ({
  ...(params.passwordFile === undefined ? {} : { passwordFile: params.passwordFile }),
  ...limits(params),
});

const checked = (target: TargetParts, fields: Fields, report: Report): TargetParts => {
  const parsed = parseTargetUrl(target.url);
  if ('fault' in parsed) report.fault(fields.table, `sync: ${parsed.fault}`);
  return target;
};

const readDelete = (fields: Fields): boolean => {
  const entry = fields.take('delete');
  if (entry === undefined || entry.value === true) return true;
  const { value } = entry;
  const isHalf = value === 'startup' || value === 'running';
  fields.note(
    entry,
    isHalf ? 'not carried' : 'carried',
    'delete',
    isHalf
      ? `${JSON.stringify(value)}: deletes are done always or never; nothing is deleted until "delete": true`
      : 'nothing is deleted at the target',
    'delete',
  );
  return false;
};

const readInit = (fields: Fields): Partial<ConfigInput> => {
  const entry = fields.take('init');
  if (entry?.value !== false) return {};
  fields.note(
    entry,
    'carried',
    'init',
    'nothing is compared at the start: what changed while imgsync-fast was down stays different',
    'initialSync',
  );
  return { initialSync: false };
};

/** lsyncd compares source and target at these times; a list of schedules with seconds. */
const readCrontab = (fields: Fields): Pick<ConfigInput, 'fullSync'> => {
  const entry = fields.take('crontab');
  if (entry === undefined) return {};
  const schedules = listOf(entry, fields, 'crontab', 'fullSync');
  const [schedule = '', ...others] = schedules;
  for (const other of others)
    fields.note(entry, 'not carried', `crontab ${other}`, 'there is one schedule', 'fullSync');
  if (schedule === '') return {};
  const { error } = configSchema.shape.fullSync.safeParse({ schedule });
  const fault = error?.issues[0]?.message;
  fields.note(
    entry,
    fault === undefined ? 'carried' : 'not carried',
    `crontab ${schedule}`,
    fault ?? 'each target is compared with the source, as if nothing were known of it',
    'fullSync',
  );
  return fault === undefined ? { fullSync: { schedule } } : {};
};

/** Numbers that have a key in `batch`. */
const readBatch = (fields: Fields): Partial<ConfigInput> => {
  const processes = fields.take('maxProcesses');
  const limit = fields.take('batchSizeLimit');
  const parallel = numberIn(processes, 1, 64);
  const bigFileBytes = numberIn(limit, 1, Number.MAX_SAFE_INTEGER);
  if (processes !== undefined)
    fields.note(
      processes,
      parallel === undefined ? 'not carried' : 'carried',
      'maxProcesses',
      parallel === undefined ? 'expected a number from 1 to 64' : 'batches of one target at the same time',
      'batch',
    );
  if (limit !== undefined)
    fields.note(
      limit,
      bigFileBytes === undefined ? 'not carried' : 'carried',
      'batchSizeLimit',
      bigFileBytes === undefined ? 'expected a number of bytes' : 'larger files go in a lane of their own',
      'batch',
    );
  if (parallel === undefined && bigFileBytes === undefined) return {};
  return {
    batch: {
      ...(parallel === undefined ? {} : { parallel }),
      ...(bigFileBytes === undefined ? {} : { bigFileBytes }),
    },
  };
};

const numberIn = (entry: LuaEntry | undefined, min: number, max: number): number | undefined => {
  const value = entry?.value;
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
    ? value
    : undefined;
};

/** Keys that need no more than a word. */
const others: ReadonlyMap<string, readonly ['dropped' | 'not carried', string]> = new Map([
  ['delay', ['dropped', changesAtOnce]],
  ['maxDelays', ['dropped', changesAtOnce]],
  ['onMove', ['dropped', 'a move sends the new name and deletes the old one']],
  ['exitcodes', ['dropped', 'what the exit codes of rsync mean is fixed: no failure ends imgsync-fast']],
  ['rsyncExitCodes', ['dropped', 'what the exit codes of rsync mean is fixed: no failure ends imgsync-fast']],
  ['sshExitCodes', ['dropped', 'moves are not done over ssh']],
  ['xargs', ['dropped', 'deletes are not done over ssh']],
  ['tunnel', ['not carried', 'no other program is started: have systemd keep the tunnel up']],
]);
