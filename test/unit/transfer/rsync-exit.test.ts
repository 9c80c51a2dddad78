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
  [1, 'ERROR: module is read only', 'halt MODULE_READ_ONLY'],
  [1, 'ERROR: password file must not be other-accessible', 'halt PASSWORD_FILE'],
  [4, 'The server is configured to refuse --delete', 'halt OPTION_REFUSED'],
  [1, 'rsync: --x: unknown option', 'halt BAD_OPTIONS'],
  [2, 'invalid file mode 00 for top [Receiver]', 'delete-method DELETE_METHOD_REFUSED'],
  [2, 'ABORTING due to invalid path from sender: a/b/c/f', 'restate PARENT_VANISHED'],
  [2, 'protocol version mismatch -- is your shell clean?', 'retry PROTOCOL_MISMATCH'],
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
