import type { TransferFailure } from './messages.js';

/**
 * What a run of rsync means for its batch.
 * - `acknowledge`: everything is there
 * - `isolate`: some paths failed; the rest is there
 * - `restate`: a path moved in a way that ended the run; look at the batch again and send it at once
 * - `delete-method`: the target can't delete this way
 * - `retry`: try the whole batch again later
 * - `halt`: a person has to look; it is tried slowly
 * - `cancelled`: it was ended from here
 */
export type RsyncVerdict =
  | { readonly verdict: 'acknowledge' }
  | { readonly verdict: 'isolate' }
  | RsyncFailed;

/** The run failed as a whole. */
export type RsyncFailed =
  | { readonly verdict: 'cancelled' }
  | {
      readonly verdict: 'restate' | 'delete-method' | 'retry' | 'halt';
      readonly failure: TransferFailure;
    };

export interface RsyncEnd {
  /** Exit status; `undefined` when a signal ended the child. */
  readonly exitCode: number | undefined;
  readonly stderr: string;
  /** Why the child was ended from here. */
  readonly endedFor?: 'cancel' | 'stall' | 'stray' | undefined;
  /** errno's name when rsync could not be started. */
  readonly startError?: string | undefined;
}

interface Signature {
  /** Exit statuses it belongs to; none: any. */
  readonly exits: readonly number[];
  readonly stderr?: RegExp;
  readonly verdict: 'restate' | 'delete-method' | 'retry' | 'halt';
  readonly code: string;
  readonly hint: string;
}

const daemonLogHint = 'see the log of the rsync daemon at the target';

/**
 * First match wins. Measured with rsync 3.1.3 to 3.5.0 on both ends; meanings of the statuses: EXIT VALUES in rsync(1).
 */
const signatures: readonly Signature[] = [
  // Some releases and distributions' backports refuse missing arguments: github.com/RsyncProject/rsync issue 910.
  {
    exits: [2],
    stderr: /invalid file mode/,
    verdict: 'delete-method',
    code: 'DELETE_METHOD_REFUSED',
    hint: 'nothing to do: deletes go by another way',
  },
  // A 3.1.3 daemon gives up a batch when a parent vanished between the look at the source and the transfer.
  {
    exits: [2],
    stderr: /invalid path from sender/,
    verdict: 'restate',
    code: 'PARENT_VANISHED',
    hint: 'nothing to do: the batch is sent again',
  },
  {
    exits: [2],
    verdict: 'retry',
    code: 'PROTOCOL_MISMATCH',
    hint: `the two rsyncs do not understand each other: compare their versions and ${daemonLogHint}`,
  },
  {
    exits: [5],
    stderr: /max connections .* reached/,
    verdict: 'retry',
    code: 'MAX_CONNECTIONS',
    hint: "raise `max connections` of the target's module",
  },
  {
    exits: [5],
    stderr: /chdir failed|chroot failed/,
    verdict: 'retry',
    code: 'MODULE_PATH_MISSING',
    hint: "the path of the target's module does not exist or is not mounted",
  },
  {
    exits: [5],
    stderr: /auth failed/,
    verdict: 'halt',
    code: 'AUTH_FAILED',
    hint: 'check the user in the URL, the passwordFile, and `auth users` and `secrets file` at the target',
  },
  {
    exits: [5],
    stderr: /Unknown module/i,
    verdict: 'halt',
    code: 'UNKNOWN_MODULE',
    hint: 'check the name of the module in the URL and in rsyncd.conf at the target',
  },
  {
    exits: [5],
    stderr: /access denied/,
    verdict: 'halt',
    code: 'ACCESS_DENIED',
    hint: "check `hosts allow` and `hosts deny` of the target's module",
  },
  { exits: [5], verdict: 'halt', code: 'MODULE_REFUSED', hint: daemonLogHint },
  {
    exits: [1],
    stderr: /read[- ]only/,
    verdict: 'halt',
    code: 'MODULE_READ_ONLY',
    hint: "set `read only = no` for the target's module",
  },
  {
    exits: [1],
    stderr: /password file/,
    verdict: 'halt',
    code: 'PASSWORD_FILE',
    hint: 'the passwordFile must exist, belong to the user who runs this, and have mode 0600',
  },
  {
    exits: [1, 4],
    stderr: /configured to refuse/,
    verdict: 'halt',
    code: 'OPTION_REFUSED',
    hint: "take the option out of `refuse options` of the target's module",
  },
  {
    exits: [1],
    stderr: /temp-dir does not exist/,
    verdict: 'halt',
    code: 'TEMP_DIR_MISSING',
    hint: 'make the directory of `rsync.tempDir` at the target',
  },
  {
    exits: [1, 4],
    verdict: 'halt',
    code: 'BAD_OPTIONS',
    hint: 'check the `rsync` section of this target; its rsync may be too old for an option in it',
  },
  {
    exits: [3],
    verdict: 'halt',
    code: 'FILE_SELECTION',
    hint: 'check the paths of the source and of the target',
  },
  {
    exits: [10],
    stderr: /Connection refused/,
    verdict: 'retry',
    code: 'CONNECTION_REFUSED',
    hint: 'is the rsync daemon running at this host and port?',
  },
  {
    exits: [10],
    stderr: /getaddrinfo|Name or service not known|Temporary failure in name resolution/,
    verdict: 'retry',
    code: 'HOST_NOT_FOUND',
    hint: 'check the host name and the name service',
  },
  {
    exits: [10, 12, 255],
    stderr: /No route to host|Network is unreachable|Host is down/,
    verdict: 'retry',
    code: 'NO_ROUTE',
    hint: 'check the network to this host',
  },
  {
    exits: [10],
    verdict: 'retry',
    code: 'CONNECTION_LOST',
    hint: `${daemonLogHint}: a 3.1.3 daemon also ends the connection when the module is read only or refuses an option`,
  },
  {
    exits: [255, 12],
    stderr: /Permission denied|Host key verification failed|Too many authentication failures/,
    verdict: 'halt',
    code: 'SSH_REFUSED',
    hint: 'check the key, the known hosts and the user; `ssh -v` to the target tells more',
  },
  {
    exits: [12, 14, 127],
    stderr: /Failed to exec|command not found|No such file or directory/,
    verdict: 'halt',
    code: 'PROGRAM_MISSING',
    hint: 'install ssh here and rsync at the target, or name its path in `rsync.args` with --rsync-path',
  },
  {
    exits: [11, 12, 23],
    stderr: /No space left on device|Disk quota exceeded/,
    verdict: 'retry',
    code: 'DISK_FULL',
    hint: 'free space at the target',
  },
  {
    exits: [11, 23],
    stderr: /Read-only file system/,
    verdict: 'retry',
    code: 'TARGET_READ_ONLY',
    hint: 'the file system at the target is mounted read-only',
  },
  {
    exits: [11],
    stderr: /mkdir .*No such file or directory/,
    verdict: 'retry',
    code: 'TARGET_MISSING',
    hint: "the directory above the target's path does not exist or is not mounted",
  },
  { exits: [11], verdict: 'retry', code: 'FILE_IO', hint: 'check the disk of the target' },
  {
    exits: [30, 35],
    verdict: 'retry',
    code: 'TIMEOUT',
    hint: 'the target did not answer in time: check it and the network',
  },
  {
    exits: [12],
    verdict: 'retry',
    code: 'CONNECTION_LOST',
    hint: `the connection ended early: ${daemonLogHint}`,
  },
  { exits: [255], verdict: 'retry', code: 'SSH_FAILED', hint: '`ssh -v` to the target tells more' },
  { exits: [14], verdict: 'halt', code: 'PROGRAM_MISSING', hint: 'rsync could not start its remote shell' },
  { exits: [20], verdict: 'retry', code: 'INTERRUPTED', hint: 'something ended rsync by a signal' },
];

const unknown = { verdict: 'retry', code: 'RSYNC_FAILED', hint: 'see EXIT VALUES in rsync(1)' } as const;
const killed = { verdict: 'retry', code: 'INTERRUPTED', hint: 'something ended rsync by a signal' } as const;
const stalled = {
  verdict: 'retry',
  code: 'STALLED',
  hint: 'the target took nothing for twice `rsync.timeoutSeconds`: is it frozen?',
} as const;
const notFound = {
  verdict: 'halt',
  code: 'RSYNC_MISSING',
  hint: 'install rsync, or name its path in `rsync.path`',
} as const;
const notStarted = {
  verdict: 'retry',
  code: 'RSYNC_NOT_STARTED',
  hint: 'see the limits of this process',
} as const;

const strayed: TransferFailure = {
  code: 'SOURCE_MOVING',
  exitCode: undefined,
  text: 'a directory became a symbolic link while it was sent',
  hint: 'nothing to do: it is looked at again',
};

/**
 * Pure. A vanished source file (24) counts as success: its deletion is a change of its own that comes later.
 * Partial failures (23) that stand for the whole target (disk full, read-only) are a failure of the batch.
 */
export const verdictOf = (end: RsyncEnd): RsyncVerdict => {
  const { exitCode, stderr } = end;
  if (end.endedFor === 'stray') return { verdict: 'restate', failure: strayed };
  if (exitCode === 0 || exitCode === 24) return { verdict: 'acknowledge' };
  if (end.endedFor === 'cancel') return { verdict: 'cancelled' };
  const signature = signatureOf(end);
  if (signature === undefined) return { verdict: 'isolate' };
  const { verdict, code, hint, stderr: pattern } = signature;
  const text =
    end.startError === undefined ? tellingLine(stderr, pattern) : `rsync can't be started: ${end.startError}`;
  return {
    verdict,
    failure: { code, exitCode, text: text === '' ? `rsync ended with ${exitCode}` : text, hint },
  };
};

const signatureOf = ({
  exitCode,
  stderr,
  endedFor,
  startError,
}: RsyncEnd): Omit<Signature, 'exits'> | undefined => {
  if (startError !== undefined) return startError === 'ENOENT' ? notFound : notStarted;
  if (endedFor === 'stall') return stalled;
  if (exitCode === undefined) return killed;
  const found = signatures.find(
    (row) => row.exits.includes(exitCode) && (row.stderr === undefined || row.stderr.test(stderr)),
  );
  return found ?? (exitCode === 23 ? undefined : unknown);
};

/** The line of rsync's stderr that says most: the one that the verdict rests on, or the first that is no mere summary. */
const tellingLine = (stderr: string, pattern: RegExp | undefined): string => {
  const lines = stderr.split('\n').flatMap((line) => line.trim() || []);
  return (
    lines.find((line) => pattern?.test(line)) ?? lines.find((line) => !summary.test(line)) ?? lines[0] ?? ''
  );
};
const summary = /^(rsync error:|rsync warning:|WARNING:|Password:$|file has vanished:)/;
