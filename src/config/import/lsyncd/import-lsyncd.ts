import { ConfigError } from '../../../core/errors.js';
import type { ConfigInput } from '../../schema.js';
import type { ImportedConfig, Remark } from '../remark.js';
import { type Place, Report } from '../report.js';
import {
  type ConfigParts,
  configsOf,
  faultsOfSettings,
  type RsyncSettings,
  type TargetParts,
} from '../settings.js';
import { decodeText, type Encoding } from '../text-encoding.js';
import { Fields, kindOf } from './fields.js';
import { type LuaStatement, readLua } from './lua.js';
import type { ReadLines } from './rules.js';
import { type Context, changesAtOnce, readSync, type Sync } from './sync.js';

/**
 * Reads the declarations in a configuration of lsyncd (2.0 to 2.3): `settings` and each `sync` of `default.rsync`,
 * `default.rsyncssh` and `default.direct` with tables of literals. Nothing is run.
 * @param file Stands for the file in messages.
 * @param readLines Reads the files of `excludeFrom` and `filterFrom`.
 * @returns Syncs of one source that agree in what holds for the whole tree become targets of one configuration.
 * Throws a {@link ConfigError} with line and column of everything without which there is no configuration.
 */
export const importLsyncd = (
  bytes: Uint8Array,
  file: string,
  readLines: ReadLines,
): readonly ImportedConfig[] => {
  const report = new Report();
  const { encoding } = decodeText(bytes);
  const statements = readLua(Buffer.from(bytes).toString('latin1'), file);
  const rest = readSettings(statements, encoding, report);
  const syncs = statements.flatMap((statement) => syncsOf(statement, { encoding, readLines }, report));
  if (syncs.length === 0 && report.faults.length === 0)
    report.fault(
      { line: 1, column: 1 },
      'there is no sync { default.rsync, … } in it: nothing is replicated',
    );
  if (report.faults.length > 0) throw new ConfigError(file, report.faults);
  const configs = configsOf(groupsOf(syncs).map((group) => treeOf(group, rest, report.remarks)));
  for (const { settings } of configs)
    for (const fault of faultsOfSettings(settings)) report.fault({ line: 1, column: 1 }, fault);
  if (report.faults.length > 0) throw new ConfigError(file, report.faults);
  return configs;
};

/** A sync with the remarks on it. */
interface PlacedSync extends Sync {
  readonly place: Place;
  readonly remarks: Remark[];
}

const syncsOf = (statement: LuaStatement, context: Context, report: Report): PlacedSync[] => {
  if (statement.type === 'call' && statement.name === 'settings') return [];
  if (statement.type === 'call' && statement.name === 'sync') {
    const own = new Report();
    const sync = readSync(statement.table, context, own);
    report.faults.push(...own.faults);
    if (sync !== undefined) return [{ ...sync, place: statement, remarks: own.remarks }];
    report.remarks.push(...own.remarks);
    return [];
  }
  if (statement.type === 'program' && statement.calls.has('sync'))
    report.fault(
      statement,
      'a sync in a loop, a condition or a function: nothing is run here, write out each sync { … }',
    );
  else
    report.note(statement, {
      kind: 'not carried',
      about: statement.type === 'call' ? statement.name : 'Lua',
      message: 'it is a program, and nothing of it is run',
    });
  return [];
};

type Group = readonly [PlacedSync, ...PlacedSync[]];

/** Syncs that differ in nothing but their targets. */
const groupsOf = (syncs: readonly PlacedSync[]): Group[] => {
  const groups = new Map<string, Group>();
  for (const sync of syncs) {
    const key = JSON.stringify(sync.tree);
    const group = groups.get(key);
    groups.set(key, group === undefined ? [sync] : [...group, sync]);
  }
  return [...groups.values()];
};

const treeOf = (group: Group, rest: Partial<ConfigInput>, shared: readonly Remark[]): ConfigParts => {
  const [first, ...others] = group;
  const { tree } = first;
  const rsync = commonOf([first.rsync, ...others.map((other) => other.rsync)]);
  const targets = new Map<string, TargetParts>();
  for (const sync of group) {
    if (targets.has(sync.target.url))
      sync.remarks.push({
        ...placeOf(sync),
        kind: 'dropped',
        about: `sync to ${sync.target.url}`,
        message: 'it stands there twice',
      });
    else targets.set(sync.target.url, { ...sync.target, ...overrides(sync.rsync, rsync) });
  }
  return {
    ...tree,
    rest: { ...tree.rest, ...rest },
    rsync,
    targets: [...targets.values()],
    remarks: [...shared, ...group.flatMap(({ remarks }) => remarks)],
  };
};

const placeOf = ({ place: { line, column } }: PlacedSync): Place => ({ line, column });

const defaults: RsyncSettings = {
  path: 'rsync',
  timeoutSeconds: 60,
  compress: false,
  wholeFile: 'auto',
  checksum: false,
  fsync: false,
  args: [],
};

/** What the first of them says for all; a key that can't be unset only where all have it. */
const commonOf = (all: readonly [RsyncSettings, ...RsyncSettings[]]): RsyncSettings =>
  Object.fromEntries(
    Object.entries(all[0]).filter(([key]) => key in defaults || all.every((settings) => key in settings)),
  );

/** What one target says otherwise than the section that is for all. */
const overrides = (own: RsyncSettings, common: RsyncSettings): Pick<TargetParts, 'rsync'> => {
  const [mine, others] = [own, common].map((settings) => ({ ...defaults, ...settings }));
  const differing = Object.entries(mine ?? {}).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(Reflect.get(others ?? {}, key)),
  );
  return differing.length === 0 ? {} : { rsync: Object.fromEntries(differing) };
};

const readSettings = (
  statements: readonly LuaStatement[],
  encoding: Encoding,
  report: Report,
): Partial<ConfigInput> => {
  const rest: Partial<ConfigInput> = {};
  for (const statement of statements) {
    if (statement.type !== 'call' || statement.name !== 'settings') continue;
    const fields = new Fields(statement.table, 'settings', encoding, report);
    for (const [key, message] of unneeded) {
      const entry = fields.take(key);
      if (entry !== undefined) fields.note(entry, 'dropped', key, message);
    }
    Object.assign(rest, readInotifyMode(fields), readMaxProcesses(fields));
    fields.noteRest();
  }
  return { events: { attrib: true, modify: false }, ...rest };
};

const unneeded: ReadonlyMap<string, string> = new Map([
  ['logfile', 'the log goes to standard output, or to log.file'],
  ['logfacility', 'the log goes to standard output'],
  ['logident', 'the log goes to standard output'],
  ['pidfile', 'imgsync-fast stays in the foreground: what starts it knows its process'],
  ['nodaemon', 'imgsync-fast always stays in the foreground'],
  ['insist', 'a target that is not reached at the start is always tried again'],
  ['statusFile', 'the status is asked for over a socket in the state directory'],
  ['statusInterval', 'the status is asked for over a socket in the state directory'],
  ['delay', changesAtOnce],
  ['maxDelays', changesAtOnce],
]);

const readInotifyMode = (fields: Fields): Partial<ConfigInput> => {
  const entry = fields.take('inotifyMode');
  if (entry === undefined) return {};
  const modify = typeof entry.value === 'string' && entry.value.includes('Modify');
  fields.note(
    entry,
    'carried',
    'inotifyMode',
    modify
      ? 'a file that is held open is sent whenever its writer pauses'
      : 'a file is sent when its writer closes it',
    'events',
  );
  return { events: { attrib: true, modify } };
};

const readMaxProcesses = (fields: Fields): Partial<ConfigInput> => {
  const entry = fields.take('maxProcesses');
  if (entry === undefined) return {};
  const { value } = entry;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > 1_024) {
    fields.note(
      entry,
      'not carried',
      'maxProcesses',
      `expected a number of processes, found ${kindOf(value)}`,
    );
    return {};
  }
  fields.note(entry, 'carried', 'maxProcesses', 'running rsyncs over all targets', 'maxRsyncs');
  return { maxRsyncs: value };
};
