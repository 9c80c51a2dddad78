import { ConfigError } from '../core/errors.js';
import type { FilterRule, RsyncOptions, Target } from '../core/target.js';
import type { Config } from './config.js';
import { faultsOf } from './faults.js';
import { hooksOf } from './hooks.js';
import { lookAtPlaces, type Places } from './places.js';
import { configSchema, type Settings, type TargetSettings } from './schema.js';

/**
 * Checks a configuration, fills in the defaults and looks at the places that it names.
 * @param input A `ConfigInput`, or whatever sync.json holds.
 * @param word Stands for the file in messages and in `Config.file`.
 * Rejects with a {@link ConfigError} that lists every fault.
 */
export const resolveConfig = async (input: unknown, word: string): Promise<Config> => {
  const settings = configSchema.safeParse(input);
  const { faults, places } = await lookAtPlaces(input);
  if (!settings.success)
    throw new ConfigError(word, [...faultsOf(configSchema, input, settings.error.issues), ...faults]);
  if (faults.length > 0 || places === undefined) throw new ConfigError(word, faults);
  return deepFreeze(configOf(settings.data, places, word));
};

const configOf = (settings: Settings, places: Places, file: string): Config => {
  const { include, exclude, events, batch, settleMs, crossMounts, http, log, stopTimeoutSeconds, retry } =
    settings;
  const { source, stateDir, failLog, logFile } = places;
  const targets = places.targets.map((target) => targetOf(target, settings));
  return {
    file,
    source,
    targets,
    rules: rulesOf(include, exclude),
    delete: deletesOf(settings.delete),
    events,
    batch,
    settleMs,
    crossMounts,
    stateDir,
    http: http === undefined ? undefined : { ...http, tokenFile: http.tokenFile },
    log: { level: log.level, pretty: log.pretty, file: logFile },
    stopTimeoutSeconds,
    retry,
    maxRsyncs: settings.maxRsyncs ?? Math.min(32, Math.max(8, 2 * targets.length)),
    changeLogLimitBytes: settings.changeLogLimit,
    initialSync: settings.initialSync,
    failLog,
    hooks: hooksOf(settings.hooks),
    fullSync:
      settings.fullSync === undefined
        ? undefined
        : { schedule: settings.fullSync.schedule, timeZone: settings.fullSync.timeZone },
  };
};

const targetOf = (target: TargetSettings, { rsync: common, standby }: Settings): Target => {
  const { name, url, location, passwordFile, ssh, bandwidthLimit, rsync } = target;
  return {
    name,
    url,
    location,
    passwordFile,
    ssh: {
      identityFile: ssh?.identityFile,
      knownHostsFile: ssh?.knownHostsFile,
      options: ssh?.options ?? [],
      ...(ssh?.shareConnection === true ? { shareConnection: true } : {}),
    },
    standby: target.standby ?? standby,
    bandwidthLimit,
    rsync: {
      path: rsync.path ?? common.path,
      timeoutSeconds: rsync.timeoutSeconds ?? common.timeoutSeconds,
      compress: rsync.compress ?? common.compress,
      wholeFile: rsync.wholeFile ?? common.wholeFile,
      ...rsyncOptions({ ...common, ...rsync }),
      args: rsync.args ?? common.args,
    },
  };
};

/** Those that are on or set. */
const rsyncOptions = (settings: Settings['rsync'] | TargetSettings['rsync']): Partial<RsyncOptions> => {
  const { checksum, update, fsync, listsOnly, chmod, chown, usermap, groupmap, backupDir, tempDir } =
    settings;
  return {
    ...(checksum === true ? { checksum } : {}),
    ...(update === true ? { update } : {}),
    ...(fsync === true ? { fsync } : {}),
    ...(listsOnly === true ? { listsOnly } : {}),
    ...(chmod === undefined ? {} : { chmod }),
    ...(chown === undefined ? {} : { chown }),
    ...(usermap === undefined ? {} : { usermap }),
    ...(groupmap === undefined ? {} : { groupmap }),
    ...(backupDir === undefined ? {} : { backupDir }),
    ...(tempDir === undefined ? {} : { tempDir }),
  };
};

const deletesOf = (setting: Settings['delete']): Config['delete'] => {
  const limit = typeof setting === 'boolean' ? deleteDefaults : setting;
  return { enabled: setting !== false, max: limit.max, windowMs: limit.windowMs };
};
const deleteDefaults = { max: undefined, windowMs: 60_000 };

/** Patterns as they are written -> rules, the includes first. */
export const rulesOf = (include: readonly string[], exclude: readonly string[]): FilterRule[] => [
  ...include.map((pattern) => ruleOf('+', pattern)),
  ...exclude.map((pattern) => ruleOf('-', pattern)),
];

const ruleOf = <Sign extends '+' | '-'>(sign: Sign, pattern: string): FilterRule =>
  `${sign} ${Buffer.from(pattern, 'utf8').toString('latin1')}`;

const deepFreeze = <Value>(value: Value): Value => {
  if (typeof value === 'object' && value !== null)
    for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
};
