import { createHash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { access, readFile, realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type * as z from 'zod';
import type { ConfigFault } from '../core/errors.js';
import { pointerOf } from './faults.js';
import { hookSchema } from './hook-schema.js';
import {
  failLogSchema,
  logFileSchema,
  sourceSchema,
  stateDirSchema,
  type TargetSettings,
  targetSchema,
  tokenFileSchema,
} from './schema.js';
import { isAtOrBelow, placeOf } from './target-url.js';

/** The paths of a configuration after a look at the file system: every symbolic link is resolved. */
export interface Places {
  readonly source: string;
  readonly stateDir: string;
  readonly failLog: string | undefined;
  readonly logFile: string | undefined;
  /** The settings with the resolved path in the location of local targets. */
  readonly targets: readonly TargetSettings[];
}

type Path = readonly PropertyKey[];
type Report = (path: Path, message: string, code?: 'SOURCE_MISSING') => void;

/** A target that could be read, and where it stands in the list. */
interface Listed {
  readonly index: number;
  readonly target: TargetSettings;
}

/**
 * Looks whether the places that a configuration names are there, are of the right kind and keep clear of each other.
 * Every part is read on its own, so that a fault in one hides none of another.
 * @returns `places` is `undefined` when parts of it can't be read.
 */
export const lookAtPlaces = async (
  input: unknown,
): Promise<{ readonly faults: readonly ConfigFault[]; readonly places: Places | undefined }> => {
  const faults: ConfigFault[] = [];
  const report: Report = (path, message, code) => {
    faults.push({ pointer: pointerOf(path), message, ...(code === undefined ? {} : { code }) });
  };
  const source = await sourceOf(read(sourceSchema, input, 'source'), report);
  const targets = await targetsOf(valueUnder(input, 'targets'), report);
  reportCollisions(targets, report);
  await reportHookSecrets(valueUnder(input, 'hooks'), report);
  await reportToken(read(tokenFileSchema, valueUnder(input, 'http'), 'tokenFile'), report);
  if (source !== undefined) for (const target of targets) reportInSource(target, source, report);
  const failLog = await ownPlace(read(failLogSchema, input, 'failLog'));
  const logFile = await ownPlace(read(logFileSchema, valueUnder(input, 'log'), 'file'));
  const stateDir = await ownPlace(
    read(stateDirSchema, input, 'stateDir') ?? (source === undefined ? undefined : defaultStateDir(source)),
  );
  await reportStateDir(stateDir, report);
  for (const [path, ...key] of [
    [stateDir, 'stateDir'],
    [failLog, 'failLog'],
    [logFile, 'log', 'file'],
  ] as const)
    if (path !== undefined) reportOwnPlace(key, path, source, targets, report);
  if (source === undefined || stateDir === undefined) return { faults, places: undefined };
  return {
    faults,
    places: { source, stateDir, failLog, logFile, targets: targets.map(({ target }) => target) },
  };
};

const valueUnder = (input: unknown, key: string): unknown =>
  typeof input === 'object' && input !== null ? Reflect.get(input, key) : undefined;

/** What a key holds when it is well formed by itself. */
const read = <Value>(schema: z.ZodType<Value>, input: unknown, key: string): Value | undefined =>
  schema.safeParse(valueUnder(input, key)).data;

const sourceOf = async (path: string | undefined, report: Report): Promise<string | undefined> => {
  if (path === undefined) return undefined;
  const fault = await faultOfSource(path);
  if (fault === undefined) return realpath(path);
  report(['source'], fault, 'SOURCE_MISSING');
  return undefined;
};

const faultOfSource = async (path: string): Promise<string | undefined> => {
  const found = await statOf(path);
  if (typeof found === 'string') return `${path}: ${found}`;
  if (!found.isDirectory()) return `${path} is not a directory`;
  if (!(await isReadable(path, constants.R_OK | constants.X_OK)))
    return `${path} can not be read by this user`;
  return undefined;
};

/** What a path is, or why nobody can tell. */
const statOf = async (path: string): Promise<Stats | string> => {
  try {
    return await stat(path);
  } catch (error) {
    const code = codeOf(error);
    return code === 'ENOENT' ? 'there is no such file or directory' : code;
  }
};

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error);

const isReadable = (path: string, mode: number): Promise<boolean> =>
  access(path, mode).then(
    () => true,
    () => false,
  );

const targetsOf = async (list: unknown, report: Report): Promise<Listed[]> => {
  const targets: Listed[] = [];
  for (const [index, entry] of (Array.isArray(list) ? list : []).entries()) {
    const settings = targetSchema.safeParse(entry).data;
    if (settings !== undefined) targets.push({ index, target: await targetOf(settings, index, report) });
  }
  return targets;
};

const targetOf = async (target: TargetSettings, index: number, report: Report): Promise<TargetSettings> => {
  const { location, passwordFile, ssh } = target;
  if (passwordFile !== undefined) {
    const fault = await faultOfSecret(passwordFile, process.getuid?.() === 0);
    if (fault !== undefined) report(['targets', index, 'passwordFile'], fault);
  }
  if (ssh?.identityFile !== undefined) {
    const fault = await faultOfSecret(ssh.identityFile, false);
    if (fault !== undefined) report(['targets', index, 'ssh', 'identityFile'], fault);
  }
  if (location.type !== 'local') return target;
  const path = await resolved(location.path);
  const found = await statOf(path);
  if (typeof found !== 'string' && !found.isDirectory())
    report(['targets', index], `${location.path} is not a directory`);
  return { ...target, location: { type: 'local', path } };
};

/** A credential of systemd, which shows what it grants to the user of the service as the rights of a group. */
const isCredential = (path: string): boolean => {
  const { CREDENTIALS_DIRECTORY: own = '/run/credentials' } = process.env;
  return ['/run/credentials', own].some((folder) => isAtOrBelow(path, folder));
};

/** rsync and ssh refuse such files themselves, but only when the first batch is due. */
const faultOfSecret = async (path: string, asRoot: boolean): Promise<string | undefined> => {
  const found = await statOf(path);
  if (typeof found === 'string') return `${path}: ${found}`;
  if (!found.isFile()) return `${path} is not a regular file`;
  if ((found.mode & (isCredential(path) ? 0o037 : 0o077)) !== 0)
    return `${path} is open to others: chmod 600 ${path}`;
  if (asRoot && found.uid !== 0)
    return `${path} has to be owned by root, as whom this runs: chown root ${path}`;
  if (!(await isReadable(path, constants.R_OK))) return `${path} can not be read by this user`;
  return found.size === 0 ? `${path} is empty` : undefined;
};

const reportHookSecrets = async (list: unknown, report: Report): Promise<void> => {
  for (const [index, entry] of (Array.isArray(list) ? list : []).entries()) {
    const hook = hookSchema.safeParse(entry).data;
    if (hook === undefined || !('secretFile' in hook) || hook.secretFile === undefined) continue;
    const fault = await faultOfSecret(hook.secretFile, false);
    if (fault !== undefined) report(['hooks', index, 'secretFile'], fault);
  }
};

const reportToken = async (path: string | undefined, report: Report): Promise<void> => {
  if (path === undefined) return;
  const fault =
    (await faultOfSecret(path, process.getuid?.() === 0)) ??
    (isToken(await readFile(path, 'utf8'))
      ? undefined
      : `${path} has to begin with a line of 16 to 1024 characters`);
  if (fault !== undefined) report(['http', 'tokenFile'], fault);
};

const isToken = (text: string): boolean => /^[\x21-\x7e]{16,1024}\s*(?:\n|$)/.test(text);

/** The path with every symbolic link resolved, as far as it exists. */
const resolved = async (path: string): Promise<string> => {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await resolved(parent), basename(path));
  }
};

const ownPlace = async (path: string | undefined): Promise<string | undefined> =>
  path === undefined ? undefined : resolved(join(path));

const reportCollisions = (targets: readonly Listed[], report: Report): void => {
  for (const [order, { index, target }] of targets.entries()) {
    const before = targets.slice(0, order);
    const namesake = before.find((other) => other.target.name === target.name);
    const colliding = before.find((other) => relationOf(target, other.target) !== undefined);
    if (colliding !== undefined) {
      const relation = relationOf(target, colliding.target);
      report(
        ['targets', index],
        `${relation} /targets/${colliding.index} (${colliding.target.url}): each would delete what the other sends`,
      );
    } else if (namesake !== undefined) {
      report(['targets', index], `its name ${target.name} is that of /targets/${namesake.index} already`);
    }
  }
};

const relationOf = (a: TargetSettings, b: TargetSettings): string | undefined => {
  const [mine, other] = [placeOf(a.location), placeOf(b.location)];
  if (mine.host !== other.host) return undefined;
  if (mine.path === other.path) return 'is the same place as';
  if (isAtOrBelow(mine.path, other.path)) return 'lies inside';
  return isAtOrBelow(other.path, mine.path) ? 'holds' : undefined;
};

const reportInSource = ({ index, target }: Listed, source: string, report: Report): void => {
  if (target.location.type !== 'local') return;
  const { path } = target.location;
  if (path === source) report(['targets', index], 'is the source itself');
  else if (isAtOrBelow(path, source))
    report(['targets', index], 'lies inside the source: it would be sent into itself');
  else if (isAtOrBelow(source, path))
    report(['targets', index], 'holds the source, which its deletes would remove');
};

const reportStateDir = async (stateDir: string | undefined, report: Report): Promise<void> => {
  const found = stateDir === undefined ? undefined : await statOf(stateDir);
  if (typeof found === 'object' && !found.isDirectory())
    report(['stateDir'], `${stateDir} is not a directory`);
};

/** Files that imgsync-fast writes must not come back to it as changes, nor be deleted by a target's rsync. */
const reportOwnPlace = (
  key: Path,
  path: string,
  source: string | undefined,
  targets: readonly Listed[],
  report: Report,
): void => {
  if (source !== undefined && isAtOrBelow(path, source))
    report(
      key,
      `${path} lies inside the source, where each write would be a change again: name another place`,
    );
  for (const { index, target } of targets)
    if (target.location.type === 'local' && isAtOrBelow(path, target.location.path))
      report(key, `${path} lies inside /targets/${index}, which would delete it: name another place`);
};

/** Unique for each source and readable: its last name and a part of the hash of the whole path. */
const defaultStateDir = (source: string): string => {
  const hash = createHash('sha256').update(source).digest('hex').slice(0, 8);
  const name = basename(source).replace(/[^A-Za-z0-9._-]/g, '_') || 'root';
  return join(stateHome(), 'imgsync-fast', `${name}-${hash}`);
};

const stateHome = (): string => {
  if (process.getuid?.() === 0) return '/var/lib';
  const { XDG_STATE_HOME: home = '' } = process.env;
  return isAbsolute(home) ? home : join(homedir(), '.local/state');
};
