import { faultOfRsyncArg } from '../extra-rsync-args.js';
import { commonRsync } from '../rsync-schema.js';
import { isBandwidth } from '../sizes.js';
import type { Note } from './remark.js';
import { longNames, type Option, optionsOf } from './rsync-words.js';

/** What a list of rsync options means for sync.json. What is not set was not said. */
export interface RsyncParams {
  readonly compress?: boolean;
  readonly wholeFile?: boolean;
  readonly timeoutSeconds?: number;
  readonly checksum?: boolean;
  readonly fsync?: boolean;
  readonly chmod?: string;
  readonly chown?: string;
  readonly usermap?: string;
  readonly groupmap?: string;
  readonly backupDir?: string;
  readonly tempDir?: string;
  readonly bandwidthLimit?: string;
  readonly port?: string;
  readonly passwordFile?: string;
  /** The words of `-e`. */
  readonly shell?: string;
  readonly crossMounts?: false;
  /** Whether a `--delete` of any kind is among them. */
  readonly deletes: boolean;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Options that go on as they are. */
  readonly args: readonly string[];
  readonly notes: readonly Note[];
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };
interface Found extends Omit<Mutable<RsyncParams>, 'include' | 'exclude' | 'args' | 'notes'> {
  readonly include: string[];
  readonly exclude: string[];
  readonly args: string[];
  readonly notes: Note[];
  /** Options that imgsync-fast gives anyway. */
  readonly handled: Set<string>;
}

/** Reads options of rsync as words of a command line. */
export const readRsyncParams = (words: readonly string[]): RsyncParams => {
  const found: Found = { deletes: false, include: [], exclude: [], args: [], notes: [], handled: new Set() };
  for (const option of optionsOf(words)) {
    const meaning = option.written.startsWith('-') ? meanings.get(option.name) : undefined;
    if (meaning === undefined) passOn(found, option);
    else meaning(found, option.value ?? '', option.written);
  }
  // The key means it, too.
  if (found.backupDir !== undefined) remove(found.args, '--backup');
  if (words.length > 0) noteImplied(found);
  const { handled: _handled, ...params } = found;
  return params;
};

const remove = (args: string[], arg: string): void => {
  args.splice(0, args.length, ...args.filter((other) => other !== arg));
};

type Meaning = (found: Found, value: string, written: string) => void;

/** Given by imgsync-fast itself in every call. */
const handled: Meaning = (found, _value, written) => {
  found.handled.add(written);
};

const deletes: Meaning = (found, _value, about) => {
  found.deletes = true;
  found.notes.push({
    kind: 'carried',
    about,
    message: 'the key delete says whether that is done',
    key: 'delete',
  });
};

const note =
  (kind: Note['kind'], message: string): Meaning =>
  ({ notes }, _value, about) => {
    notes.push({ kind, about, message, key: 'rsync' });
  };

/** Takes the value over with a function, and says so. */
const set =
  (take: (found: Found, value: string) => void, message = 'as it was', key: Note['key'] = 'rsync'): Meaning =>
  (found, value, about) => {
    take(found, value);
    found.notes.push({ kind: 'carried', about, message, key });
  };

/** A switch with a key of its own. */
const flag = (
  name: 'checksum' | 'fsync' | 'compress' | 'wholeFile',
  isOn: boolean,
  message = `the key ${name}`,
): Meaning =>
  set((found) => {
    found[name] = isOn;
  }, message);

type TextKey = 'chmod' | 'chown' | 'usermap' | 'groupmap' | 'backupDir' | 'tempDir';

/** An option with a key of its own; what the key refuses goes on as it is. */
const keyed =
  (key: TextKey, option: string): Meaning =>
  (found, written, about) => {
    const isDirectory = key === 'backupDir' || key === 'tempDir';
    const own = isDirectory ? written.replace(/(?<=.)\/+$/, '') : written;
    // rsync adds further modes to the first ones; of all else the last counts.
    const value = key === 'chmod' && found.chmod !== undefined ? `${found.chmod},${own}` : own;
    if (!commonRsync.safeParse({ [key]: value }).success) {
      passOn(found, { name: option, value: written, written: about });
      return;
    }
    found[key] = value;
    const isBelow = isDirectory && !value.startsWith('/');
    if (isBelow) found.exclude.push(`/${value}/`);
    const message = isBelow ? `the key ${key}; exclude names it, or it would be deleted` : `the key ${key}`;
    found.notes.push({ kind: 'carried', about, message, key: 'rsync' });
  };

const timeout: Meaning = (found, value, about) => {
  const seconds = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (commonRsync.safeParse({ timeoutSeconds: seconds }).success) {
    found.timeoutSeconds = seconds;
    found.notes.push({ kind: 'carried', about, message: 'the key timeoutSeconds', key: 'rsync' });
  } else if (seconds === 0)
    note('changed', 'without a limit a connection that died would be waited for for ever: it has one now')(
      found,
      value,
      about,
    );
  else note('not carried', 'this is no number of seconds that rsync knows')(found, value, about);
};

const passedOn =
  (kind: 'carried' | 'changed', message: string): Meaning =>
  (found, _value, about) => {
    found.args.push(about.length === 2 ? `--${longNames.get(about.charAt(1)) ?? about}` : about);
    found.notes.push({ kind, about, message, key: 'rsync' });
  };

const pattern =
  (list: 'include' | 'exclude'): Meaning =>
  (found, value, about) => {
    const [, sign, signed] = /^([+-]) (.*)$/s.exec(value) ?? [];
    const key = sign === undefined ? list : sign === '+' ? 'include' : 'exclude';
    const isLate = key === 'include' && found.exclude.length > 0;
    found[key].push(signed ?? value);
    found.notes.push({
      kind: isLate ? 'changed' : 'carried',
      about,
      message: isLate
        ? 'it stood behind an exclude, but includes are tried before all excludes here: look whether both meet'
        : 'for watching, too: what is excluded is neither looked at nor sent nor deleted',
      key,
    });
  };

const filter: Meaning = (found, value, written) => {
  if (/^[+-] /.test(value)) pattern('exclude')(found, value, written);
  else
    note('not carried', 'only "+ pattern" and "- pattern" have a place here: include and exclude')(
      found,
      value,
      written,
    );
};

const bandwidth: Meaning = (found, value, about) => {
  // rsync takes a bare number for KiB/s.
  const rate = /^\d+(?:\.\d+)?$/.test(value) ? `${value}k` : value;
  if (Number.parseFloat(value) === 0) note('dropped', 'it set no limit')(found, value, about);
  else if (isBandwidth(rate))
    set(
      (target) => {
        target.bandwidthLimit = rate;
      },
      'for each rsync of each target',
      'targets',
    )(found, value, about);
  else note('not carried', 'this is no rate that rsync knows')(found, value, about);
};

const forAll = (names: string, meaning: Meaning): [string, Meaning][] =>
  names.split(' ').map((name) => [name, meaning]);

const broken =
  'it leaves the part of a file under its final name when a connection breaks; here a temporary name keeps it out of sight';

const meanings: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ...forAll('archive recursive links perms times group owner devices specials relative dirs', handled),
  ...forAll('implied-dirs secluded-args protect-args delete-missing-args force no-motd', handled),
  ...forAll('del delete delete-before delete-during delete-delay delete-after', deletes),
  ...forAll(
    'verbose quiet progress stats human-readable itemize-changes info debug 8-bit-output out-format log-format',
    note('dropped', 'imgsync-fast writes a log of its own'),
  ),
  ...forAll('partial partial-progress', note('dropped', broken)),
  ['partial-dir', note('dropped', 'a file that broke off is sent anew; no part of it stays at the target')],
  ...forAll(
    'exclude-from include-from filter-files',
    note('not carried', 'write the patterns of the file into exclude and include'),
  ),
  ['exclude', pattern('exclude')],
  ['include', pattern('include')],
  ['filter', filter],
  [
    'update',
    note(
      'dropped',
      'it keeps whatever is newer at the target: an older picture that replaced a newer one never arrived. The source decides now; for targets to which others write, too, there is the key rsync.update',
    ),
  ],
  [
    'compress',
    flag('compress', true, 'pictures do not get smaller by it: in one network "compress": false is faster'),
  ],
  ...forAll('no-compress no-z', flag('compress', false)),
  ['whole-file', flag('wholeFile', true)],
  ...forAll('no-whole-file no-W', flag('wholeFile', false)),
  [
    'checksum',
    flag('checksum', true, 'the key checksum: both sides read every file of a batch in order to compare'),
  ],
  ...forAll('no-checksum no-c', flag('checksum', false)),
  ['fsync', flag('fsync', true)],
  ['no-fsync', flag('fsync', false)],
  ['chmod', keyed('chmod', 'chmod')],
  ['chown', keyed('chown', 'chown')],
  ['usermap', keyed('usermap', 'usermap')],
  ['groupmap', keyed('groupmap', 'groupmap')],
  ['backup-dir', keyed('backupDir', 'backup-dir')],
  ['temp-dir', keyed('tempDir', 'temp-dir')],
  [
    'one-file-system',
    set(
      (found) => {
        found.crossMounts = false;
      },
      'for watching, too',
      'crossMounts',
    ),
  ],
  ['timeout', timeout],
  ['contimeout', note('dropped', 'timeoutSeconds is for connecting, too')],
  ['bwlimit', bandwidth],
  [
    'port',
    set(
      (found, value) => {
        found.port = value;
      },
      'in the URL of each target',
      'targets',
    ),
  ],
  [
    'password-file',
    set(
      (found, value) => {
        found.passwordFile = value;
      },
      'of each target',
      'targets',
    ),
  ],
  [
    'rsh',
    (found, value) => {
      found.shell = value;
    },
  ],
  [
    'inplace',
    passedOn(
      'carried',
      'who reads a file at the target while it is written gets a mix of old and new; without it a file appears at once',
    ),
  ],
  [
    'hard-links',
    passedOn(
      'changed',
      'files are linked to each other at the target only when one batch carries all their names',
    ),
  ],
  ['dry-run', note('dropped', 'without it nothing would be replicated')],
  ['max-delete', note('not carried', 'there is no limit for a single rsync')],
]);

/** rsync's own word on what imgsync-fast has no opinion about. */
const passOn = ({ args, notes }: Found, { name, value, written }: Option): void => {
  const about = written;
  const arg = argOf(name, value, written);
  const fault = faultOfRsyncArg(arg);
  if (fault === undefined) {
    args.push(arg);
    notes.push({ kind: 'carried', about, message: 'as an option of rsync', key: 'rsync' });
  } else notes.push({ kind: 'not carried', about, message: fault, key: 'rsync' });
};

const argOf = (name: string, value: string | undefined, written: string): string => {
  if (!written.startsWith('-')) return written;
  if (/^-[^-]/.test(written) && name.length === 1) return written;
  return value === undefined ? `--${name}` : `--${name}=${value}`;
};

/** What imgsync-fast does always, and sersync or lsyncd only when it was asked to. */
const noteImplied = ({ handled: written, notes, args }: Found): void => {
  const names = [...written].flatMap((option) =>
    /^-[^-]/.test(option) ? [longNames.get(option.slice(1)) ?? ''] : [option.slice(2)],
  );
  if (written.size > 0)
    notes.push({
      kind: 'carried',
      about: [...written].join(' '),
      message:
        'imgsync-fast always does this; times are compared to the nanosecond, so that a file rewritten within the same second arrives, too',
      key: 'rsync',
    });
  const implied = names.includes('archive')
    ? []
    : archived.filter((name) => !names.includes(name) && !isOff(name, args));
  if (implied.length > 0)
    notes.push({
      kind: 'changed',
      about: implied.map((name) => `--${name}`).join(' '),
      message: `was not given, but is done: links, devices, modes and owners are part of a file. Options such as "args": ["--no-owner"] leave some out`,
      key: 'rsync',
    });
};
/** `--no-owner`, `--no-o`. */
const isOff = (name: string, args: readonly string[]): boolean =>
  args.some(
    (arg) => arg === `--no-${name}` || (longNames.get(arg.slice(5)) === name && arg.startsWith('--no-')),
  );

const archived = ['links', 'perms', 'times', 'group', 'owner', 'devices'];
