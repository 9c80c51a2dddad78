import { posix } from 'node:path';
import { faultsOf } from '../faults.js';
import { type ConfigInput, configSchema } from '../schema.js';
import type { ImportedConfig, Remark } from './remark.js';
import type { RsyncParams } from './rsync-params.js';

/** What an old configuration says of one tree, in the words of the new one. */
export interface ConfigParts {
  readonly source: string;
  readonly targets: readonly TargetParts[];
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly deletes: boolean;
  readonly rsync: RsyncSettings;
  /** Further keys, as they are written. */
  readonly rest: Partial<ConfigInput>;
  readonly remarks: readonly Remark[];
}

type Listed = ConfigInput['targets'][number];
/** A target with a URL and more. */
export type TargetParts = Exclude<Listed, string>;
/** The section `rsync`. */
export type RsyncSettings = NonNullable<ConfigInput['rsync']>;

/** What options of rsync say for the section `rsync`. */
export const rsyncSettings = (params: RsyncParams): RsyncSettings => ({
  ...Object.fromEntries(rsyncKeys.flatMap((key) => (params[key] === undefined ? [] : [[key, params[key]]]))),
  // Off is what they are anyway.
  ...(params.checksum === true ? { checksum: true } : {}),
  ...(params.fsync === true ? { fsync: true } : {}),
  ...listed('args', params.args),
});

const rsyncKeys = [
  'timeoutSeconds',
  'compress',
  'wholeFile',
  'chmod',
  'chown',
  'usermap',
  'groupmap',
  'backupDir',
  'tempDir',
] as const;

/** What options of rsync say that holds for watching, too. */
export const treeSettings = ({ crossMounts }: RsyncParams): Partial<ConfigInput> =>
  crossMounts === undefined ? {} : { crossMounts };

/** Configurations with names of their own; those of one source get state directories of their own. */
export const configsOf = (trees: readonly ConfigParts[]): ImportedConfig[] => {
  const names = new Set<string>();
  return trees.map((parts) => {
    const name = uniqueName(parts.source, names);
    const isShared = trees.some((other) => other !== parts && other.source === parts.source);
    const stateDir = isShared ? { stateDir: `/var/lib/imgsync-fast/${name}` } : {};
    return {
      name,
      settings: { ...settingsOf(parts), ...stateDir },
      remarks: [...parts.remarks].sort((a, b) => a.line - b.line || a.column - b.column),
    };
  });
};

/** What `loadConfig` would refuse whatever the machine. */
export const faultsOfSettings = (settings: ConfigInput): string[] => {
  const result = configSchema.safeParse(settings);
  if (result.success) return [];
  return faultsOf(configSchema, settings, result.error.issues).map(
    ({ pointer, message }) => `${pointer} of the new configuration: ${message}`,
  );
};

const uniqueName = (source: string, names: Set<string>): string => {
  const base = posix.basename(source).replace(/[^A-Za-z0-9._-]/g, '_') || 'root';
  let name = base;
  for (let number = 2; names.has(name); number++) name = `${base}-${number}`;
  names.add(name);
  return name;
};

const settingsOf = ({
  source,
  targets,
  include,
  exclude,
  deletes,
  rsync,
  rest,
}: ConfigParts): ConfigInput => ({
  source,
  // The URL alone when there is no more to say.
  targets: targets.map((target) => (Object.keys(target).length === 1 ? target.url : target)),
  ...listed('include', include),
  exclude: [...new Set(exclude)],
  delete: deletes,
  ...(Object.keys(rsync).length === 0 ? {} : { rsync }),
  ...rest,
});

const listed = <Key extends string>(key: Key, values: readonly string[]): Partial<Record<Key, string[]>> =>
  values.length === 0 ? {} : ({ [key]: [...new Set(values)] } as Record<Key, string[]>);
