import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RsyncEnd, verdictOf } from '../../../src/transfer/rsync-exit.js';

const table: readonly (readonly [number | undefined, string, string])[] = [
  [0, '', 'acknowledge'],
  [24, 'file has vanished: "/s/f"', 'acknowledge'],
  [23, 'rsync: [receiver] mkstemp "locked/.x.XXXXXX" (in mod) failed: Permission denied (13)', 'isolate'],
  [
    23,
    'rsync: [receiver] mkstemp "/.a.XXXXXX" (in mod) failed: Read-only file system (30)',
    'retry TARGET_READ_ONLY',
  ],
  [11, 'rsync: [receiver] write failed on "big" (in mod): No space left on device (28)', 'retry DISK_FULL'],
  [
    10,
    'rsync: [sender] failed to connect to 127.0.0.1 (127.0.0.1): Connection refused (111)',
    'retry CONNECTION_REFUSED',
  ],
  [10, 'rsync: getaddrinfo: nope 873: Name or service not known', 'retry HOST_NOT_FOUND'],
  [10, 'rsync: read error: Connection reset by peer (104)', 'retry CONNECTION_LOST'],
  [5, '@ERROR: auth failed on module mod', 'halt AUTH_FAILED'],
  [5, "@ERROR: Unknown module 'x'", 'halt UNKNOWN_MODULE'],
  [5, '@ERROR: access denied to mod from h (1.2.3.4)', 'halt ACCESS_DENIED'],
  [5, '@ERROR: max connections (1) reached -- try again later', 'retry MAX_CONNECTIONS'],
  [5, '@ERROR: chdir failed', 'retry MODULE_PATH_MISSING'],
  [5, '@ERROR: chroot failed', 'retry MODULE_PATH_MISSING'],
  [5, 'Password: @ERROR: auth failed on module mod', 'halt AUTH_FAILED'],
  [5, '@ERROR: something new', 'halt MODULE_REFUSED'],
  [1, 'ERROR: module is read only', 'halt MODULE_READ_ONLY'],
  // A 3.1.3 daemon gives no reason for a read-only module or a refused option.
  [10, 'rsync: read error: Connection reset by peer (104)', 'retry CONNECTION_LOST'],
  [10, 'rsync: [sender] write error: Broken pipe (32)', 'retry CONNECTION_LOST'],
  [10, 'rsync: failed to connect to h (1.2.3.4): No route to host (113)', 'retry NO_ROUTE'],
  [10, 'rsync: failed to connect to h (1.2.3.4): Connection timed out (110)', 'retry CONNECTION_LOST'],
  [1, 'ERROR: password file must be owned by root when running as root', 'halt PASSWORD_FILE'],
  [1, 'rsync: could not open password file /p: No such file or directory (2)', 'halt PASSWORD_FILE'],
  [1, 'The --contimeout option may only be used when connecting to an rsync daemon.', 'halt BAD_OPTIONS'],
  [1, 'The temp-dir does not exist: .receiving', 'halt TEMP_DIR_MISSING'],
  [4, 'rsync: something unsupported', 'halt BAD_OPTIONS'],
  [1, 'ERROR: password file must not be other-accessible', 'halt PASSWORD_FILE'],
  [4, 'The server is configured to refuse --delete', 'halt OPTION_REFUSED'],
  [1, 'rsync: --x: unknown option', 'halt BAD_OPTIONS'],
  [2, 'invalid file mode 00 for top [Receiver]', 'delete-method DELETE_METHOD_REFUSED'],
  [2, 'ABORTING due to invalid path from sender: a/b/c/f', 'restate PARENT_VANISHED'],
  [2, 'protocol version mismatch -- is your shell clean?', 'retry PROTOCOL_MISMATCH'],
  [2, '', 'retry PROTOCOL_MISMATCH'],
  [23, 'delete_file: unlink(locked/x) failed: Permission denied (13)', 'isolate'],
  [23, 'rsync: [generator] failed to set times on "." (in mod): Operation not permitted (1)', 'isolate'],
  [23, 'rsync: [sender] send_files failed to open "/s/F": Permission denied (13)', 'isolate'],
  [23, 'rsync: [sender] link_stat "/s/F" failed: Permission denied (13)', 'isolate'],
  [23, 'rsync: [sender] read errors mapping "/s/F": No data available (61)', 'isolate'],
  [23, 'could not make way for new regular file: d2f', 'isolate'],
  [23, 'rsync: [receiver] write failed on "/f" (in mod): Disk quota exceeded (122)', 'retry DISK_FULL'],
  [11, 'rsync: [Receiver] mkdir "/a/b" failed: No such file or directory (2)', 'retry TARGET_MISSING'],
  [11, 'rsync: [receiver] read error: Input/output error (5)', 'retry FILE_IO'],
  [3, 'rsync: [sender] change_dir "/s" failed: No such file or directory (2)', 'halt FILE_SELECTION'],
  [35, 'rsync error: timeout waiting for daemon connection (code 35)', 'retry TIMEOUT'],
  [12, 'connection unexpectedly closed (0 bytes received so far)', 'retry CONNECTION_LOST'],
  [255, 'Host key verification failed.', 'halt SSH_REFUSED'],
  [127, 'sh: rsync: command not found', 'halt PROGRAM_MISSING'],
  [12, 'bash: line 1: rsync: command not found', 'halt PROGRAM_MISSING'],
  [14, '', 'halt PROGRAM_MISSING'],
  [30, '[sender] io timeout after 4 seconds -- exiting', 'retry TIMEOUT'],
  [12, 'rsync: connection unexpectedly closed (8 bytes received so far) [sender]', 'retry CONNECTION_LOST'],
  [255, 'deploy@h: Permission denied (publickey).', 'halt SSH_REFUSED'],
  [255, 'ssh: connect to host h port 22: Connection refused', 'retry SSH_FAILED'],
  [14, 'rsync: [sender] Failed to exec ssh: No such file or directory (2)', 'halt PROGRAM_MISSING'],
  [20, 'rsync error: received SIGINT, SIGTERM, or SIGHUP (code 20)', 'retry INTERRUPTED'],
  [undefined, '', 'retry INTERRUPTED'],
  [99, 'what is this', 'retry RSYNC_FAILED'],
];
for (const [exitCode, stderr, expected] of table)
  test(`exit ${exitCode}: ${stderr.slice(0, 60) || 'silent'} -> ${expected}`, () => {
    assert.equal(shown({ exitCode, stderr }), expected);
  });

const shown = (end: RsyncEnd): string => {
  const verdict = verdictOf(end);
  return 'failure' in verdict ? `${verdict.verdict} ${verdict.failure.code}` : verdict.verdict;
};

test('what was ended from here is told apart from what others ended', () => {
  assert.equal(shown({ exitCode: 20, stderr: '', endedFor: 'cancel' }), 'cancelled');
  assert.equal(shown({ exitCode: 0, stderr: '', endedFor: 'cancel' }), 'acknowledge');
  assert.equal(shown({ exitCode: 20, stderr: '', endedFor: 'stall' }), 'retry STALLED');
  assert.equal(shown({ exitCode: undefined, stderr: '', startError: 'ENOENT' }), 'halt RSYNC_MISSING');
});

test('a failure quotes the line that says most and gives a hint', () => {
  const verdict = verdictOf({
    exitCode: 10,
    stderr:
      'rsync error: error in socket IO (code 10)\nrsync: failed to connect to h (1.2.3.4): Connection refused (111)\n',
  });
  assert.ok('failure' in verdict);
  assert.equal(verdict.failure.text, 'rsync: failed to connect to h (1.2.3.4): Connection refused (111)');
  assert.notEqual(verdict.failure.hint, '');
});

test('a failure quotes the line that its code rests on, not what the probe made up', () => {
  const verdict = verdictOf({
    exitCode: 1,
    stderr: 'file has vanished: "/s/.probe"\nERROR: module is read only\nrsync error: (code 1)\n',
  });
  assert.ok('failure' in verdict);
  assert.equal(verdict.failure.text, 'ERROR: module is read only');
});
