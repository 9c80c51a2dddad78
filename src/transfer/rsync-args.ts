import { type Change, isWide } from '../core/change.js';
import type { FilterRule, Target } from '../core/target.js';
import type { DeleteMethod } from './messages.js';

/** One call of rsync; it runs in the source root. */
export interface RsyncCall {
  readonly target: Target;
  readonly rules: readonly FilterRule[];
  readonly deleteMethod: DeleteMethod;
  /** Entries that it deletes at most; `Infinity`: as many as there are. */
  readonly maxDelete: number;
  /** See `TransferRequest.kept`. */
  readonly kept: readonly Change[];
  /** Whether listed directories are sent with all beneath them. */
  readonly recursive: boolean;
  /** Nothing is changed: only what differs is told. */
  readonly dryRun: boolean;
  /** Whether what is the same is told as well; an item of it is two characters, such as `.f`. Default false. */
  readonly tellsSame?: boolean;
  readonly compare: Compare;
  /** What a list would hold, UTF-8; standard input is the source root then. Absent: the list comes from there. */
  readonly paths?: readonly string[];
}

/**
 * How a file at the target is known to be the same: `quick` by size and time, `checksum` by content, `never`: it is sent
 * again, by differences.
 */
export type Compare = 'quick' | 'checksum' | 'never';

/**
 * How arguments name the source root, whose descriptor is standard input then. rsync 3.5 goes to each of them by its
 * absolute path, and if the root was moved away or unmounted meanwhile, all that is in them would count as gone.
 */
export const rootOfArguments = '/proc/self/fd/0';

/** A connection that is not there after this time is given up, s. */
const maxConnectSeconds = 20;

/**
 * The arguments of rsync. Each option is there for a measured reason:
 * - `-d --delete` also for plain entries: only then does the receiver know the excludes and protect what they match.
 * - `--modify-window=-1`: without it, a file rewritten at the same size within the same second stays stale for ever.
 * - `-c` where a time may have been set: rsync takes a file of the same size and time for the same.
 * - the rules before `--from0`: it also governs how later files of rules are read.
 * - `--relative`: with it, paths that are arguments mean what they mean in a list.
 * - `--sockopts=TCP_NODELAY`: each missing side costs one or more delayed acknowledgements of 44 ms.
 * - `--max-delete`: the receiver itself stops at what the guard of deletes allows, whatever it has beside the source.
 * - `--no-inc-recursive`: each directory is listed right after it was found to be one; later it may be a symbolic link.
 * - `--force` with the missing arguments: a directory that became a file, and a directory that is gone, may hold entries.
 */
export const rsyncArgs = ({
  target,
  rules,
  deleteMethod,
  maxDelete,
  kept,
  recursive,
  dryRun,
  tellsSame = false,
  compare,
  paths,
}: RsyncCall): string[] => [
  // The operator's own come first: where they contradict, what follows wins.
  ...target.rsync.args,
  '-lptgoD',
  ...(recursive ? ['-r', '--no-inc-recursive'] : ['-d']),
  ...(dryRun ? ['-n'] : []),
  ...(tellsSame ? ['-ii'] : []),
  ...(compare === 'checksum' ? ['-c'] : compare === 'never' ? ['-I'] : []),
  ...(deleteMethod === 'none' ? [] : ['--delete', '--force']),
  ...(deleteMethod === 'missing-args' ? ['--delete-missing-args'] : []),
  ...(deleteMethod === 'none' || !Number.isFinite(maxDelete) ? [] : [`--max-delete=${maxDelete}`]),
  ...kept.map(protectArg),
  ...rules.flatMap(filterArgs),
  ...(paths === undefined ? ['--from0', '--files-from=-'] : ['--relative']),
  '--modify-window=-1',
  '--sockopts=TCP_NODELAY',
  '--no-motd',
  '--no-h',
  '--stats',
  '--out-format=@%i %l %b %n',
  ...optionArgs(target),
  ...connectArgs(target),
  ...(paths?.map((path) => `${rootOfArguments}/./${path}`) ?? ['./']),
  destinationOf(target),
];

/** The receiver does not know of a gone path that it was a directory, so a rule for a directory alone does not protect it. */
const filterArgs = (rule: FilterRule): string[] => {
  const text = Buffer.from(rule, 'latin1').toString('utf8');
  const own = `--filter=${text}`;
  return text.startsWith('- ') && text.endsWith('/') ? [own, `${own}***`] : [own];
};

/** The receiver does not delete what it matches; sending is not concerned. */
const protectArg = ({ kind, path }: Change): string => {
  const below = !isWide(kind) ? '' : kind === 'directory' ? '/*' : '/**';
  return `--filter=P /${path === '' ? below.slice(1) : `${asPattern(path, below !== '')}${below}`}`;
};

/** A path as a pattern of rsync that matches it: only in a pattern with wildcards a backslash is one. FILTER RULES in rsync(1). */
const asPattern = (path: string, hasWildcards: boolean): string => {
  const bytes = Buffer.from(path, 'latin1');
  const text = bytes.toString('utf8');
  // Arguments are text, so what is none, and a line break, becomes a wildcard for that byte.
  const isText = Buffer.from(text, 'utf8').equals(bytes) && !/[\r\n]/.test(text);
  if (isText && !hasWildcards && !/[*?[]/.test(text)) return text;
  const escaped = (isText ? text : path).replace(/[\\*?[]/g, '\\$&');
  return isText ? escaped : escaped.replace(/[\r\n\x80-\xff]/g, '?');
};

const optionArgs = ({ rsync, bandwidthLimit }: Target): string[] => [
  `--timeout=${rsync.timeoutSeconds}`,
  ...(rsync.compress ? ['-z'] : []),
  ...(rsync.checksum === true ? ['--checksum'] : []),
  ...(rsync.update === true ? ['--update'] : []),
  ...(rsync.fsync === true ? ['--fsync'] : []),
  ...valued('chmod', rsync.chmod),
  ...valued('chown', rsync.chown),
  ...valued('usermap', rsync.usermap),
  ...valued('groupmap', rsync.groupmap),
  ...(rsync.backupDir === undefined ? [] : ['--backup', `--backup-dir=${rsync.backupDir}`]),
  ...valued('temp-dir', rsync.tempDir),
  ...(rsync.wholeFile === 'auto' ? [] : [rsync.wholeFile ? '--whole-file' : '--no-whole-file']),
  ...(bandwidthLimit === undefined ? [] : [`--bwlimit=${bandwidthLimit}`]),
];

const valued = (name: string, value: string | undefined): string[] =>
  value === undefined ? [] : [`--${name}=${value}`];

/** How rsync gets to the target, and no option beside that. */
export const connectArgs = (target: Target): string[] => {
  const { location, passwordFile, rsync } = target;
  switch (location.type) {
    case 'daemon':
      return [
        `--contimeout=${Math.min(rsync.timeoutSeconds, maxConnectSeconds)}`,
        ...(passwordFile === undefined ? [] : [`--password-file=${passwordFile}`]),
      ];
    case 'ssh':
      // Arguments go over the protocol, so that no remote shell reads the path.
      return ['-s', `--rsh=${sshCommand(target)}`];
    case 'local':
      return [];
  }
};

/** The directory of a target as rsync takes it, with a slash at its end. */
export const destinationOf = ({ location }: Target): string => {
  switch (location.type) {
    case 'daemon': {
      const { host, port, user, module, path } = location;
      const place = path === '' ? module : `${module}/${path}`;
      return `rsync://${atUser(user)}${inBrackets(host)}:${port}/${place}/`;
    }
    case 'ssh':
      return `${atUser(location.user)}${inBrackets(location.host)}:${endInSlash(location.path)}`;
    case 'local':
      return endInSlash(location.path);
  }
};

const sshCommand = (target: Target): string => {
  const { socket } = target.ssh;
  return [
    ...sshStart(target),
    // Without an answer there ssh connects by itself.
    ...(socket === undefined ? [] : ['-oControlMaster=no', `-oControlPath=${socket}`]),
  ]
    .map(quoteForRsh)
    .join(' ');
};

const sshStart = ({ location, ssh, rsync }: Target): string[] => {
  const port = location.type === 'ssh' ? location.port : undefined;
  return [
    'ssh',
    // Never ask: nobody is there to answer.
    '-oBatchMode=yes',
    `-oConnectTimeout=${Math.min(rsync.timeoutSeconds, maxConnectSeconds)}`,
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(ssh.identityFile === undefined ? [] : ['-i', ssh.identityFile]),
    ...(ssh.knownHostsFile === undefined ? [] : [`-oUserKnownHostsFile=${ssh.knownHostsFile}`]),
    ...ssh.options.map((option) => `-o${option}`),
  ];
};

/** An ssh that logs in and runs this there, read by the remote shell. */
export const sshTo = (target: Target, script: string): string[] =>
  target.location.type === 'ssh'
    ? [...sshStart(target), '-T', `${atUser(target.location.user)}${target.location.host}`, script]
    : [];

/** The command of a connection that others go through by a socket. */
export const sshWords = (target: Target, socket: string): string[] => {
  const { location, rsync } = target;
  if (location.type !== 'ssh') return [];
  return [
    ...sshStart(target),
    '-oControlMaster=yes',
    '-oControlPersist=no',
    `-oControlPath=${socket}`,
    // A connection that died has to end, or everything would hang in it. In ssh the first of two options wins.
    `-oServerAliveInterval=${Math.ceil(rsync.timeoutSeconds / keepAlives)}`,
    `-oServerAliveCountMax=${keepAlives}`,
    '-N',
    '-T',
    `${atUser(location.user)}${location.host}`,
  ];
};
/** Without an answer to so many a connection counts as dead. */
const keepAlives = 3;

/** rsync splits `--rsh` at blanks; a doubled quote inside quotes stands for itself. rsync(1), `--rsh`. */
const quoteForRsh = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "''")}'`;

const atUser = (user: string | undefined): string => (user === undefined ? '' : `${user}@`);
const inBrackets = (host: string): string => (host.includes(':') ? `[${host}]` : host);
const endInSlash = (path: string): string => (path.endsWith('/') ? path : `${path}/`);
