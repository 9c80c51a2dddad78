import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeClock } from '../../../src/doctor/clock.js';
import { lineOf } from '../../../src/doctor/finding.js';
import { isRemote, mountOf, mountsBelow, parseMounts } from '../../../src/doctor/mounts.js';
import { judgeProtocol, judgeVersion } from '../../../src/doctor/rsync-version.js';
import { examinePlace } from '../../../src/doctor/source.js';
import { judgeSpace } from '../../../src/doctor/space.js';
import { parseList } from '../../../src/doctor/trial-file.js';

for (const [output, wantsFsync, level] of [
  ['rsync  version 3.5.0  protocol version 32', true, 'ok'],
  ['rsync  version 3.2.7  protocol version 31', true, 'ok'],
  ['rsync  version 3.1.3  protocol version 31', false, 'ok'],
  ['rsync  version v3.2.3  protocol version 31', true, 'fail'],
  ['rsync  version 3.1.1  protocol version 31', false, 'warn'],
  ['rsync  version 3.0.9  protocol version 30', false, 'fail'],
  ['openrsync: protocol version 29\nrsync version 2.6.9 compatible', false, 'fail'],
  ['', false, 'fail'],
] as const)
  test(`version: ${JSON.stringify(output)}, fsync ${wantsFsync}: ${level}`, () =>
    assert.equal(judgeVersion('rsync', output, wantsFsync).level, level));

for (const [protocol, level] of [
  [29, 'fail'],
  [30, 'fail'],
  [31, 'ok'],
  [32, 'ok'],
] as const)
  test(`protocol ${protocol}: ${level}`, () => assert.equal(judgeProtocol('c', protocol).level, level));

for (const [there, words] of [
  [1_000, /within 2 s/],
  [1_003, /within 2 s/],
  [998, /within 2 s/],
  [997, /3 s behind/],
  [1_004, /3 s ahead of/],
] as const)
  test(`a clock that shows ${there} between 1000.2 and 1000.9`, () =>
    assert.match(judgeClock(there, 1_000_200, 1_000_900).text, words));

for (const [freeBytes, freeFiles, neededBytes, level] of [
  [0, 100_000, undefined, 'fail'],
  [2 ** 31, 3, undefined, 'fail'],
  [2 ** 29, undefined, undefined, 'warn'],
  [2 ** 31, undefined, undefined, 'ok'],
  [2 ** 31, 5_000, undefined, 'warn'],
  [2 ** 29, undefined, 2 ** 28, 'ok'],
  [2 ** 29, undefined, 2 ** 30, 'warn'],
] as const)
  test(`space: ${freeBytes} bytes, ${freeFiles} files, ${neededBytes} wanted: ${level}`, () =>
    assert.equal(
      judgeSpace('space', { freeBytes, totalBytes: 2 ** 40, freeFiles }, neededBytes).level,
      level,
    ));

const mounts = parseMounts(
  [
    '26 1 254:0 / / rw,relatime - ext4 /dev/vda rw',
    '27 26 0:24 / /data rw shared:1 - nfs4 nas:/data rw',
    '28 27 0:25 / /data/a\\040b rw - tmpfs none rw',
    '29 27 0:26 / /data/deep/mount rw - fuse.sshfs x rw',
    '30 26 0:27 / /data2 rw - fuseblk /dev/sdb rw',
    '31 26 0:28 / /merged rw - overlay overlay rw',
    '',
  ].join('\n'),
);

test('the file system of a path is that of the longest place above it', () => {
  const typeOf = (path: string) => mountOf(path, mounts)?.type;
  assert.deepEqual(['/', '/home', '/data', '/data/x', '/data/a b/c', '/data2/x', '/database'].map(typeOf), [
    'ext4',
    'ext4',
    'nfs4',
    'nfs4',
    'tmpfs',
    'fuseblk',
    'ext4',
  ]);
  assert.deepEqual(
    mountsBelow('/data', mounts).map(({ point }) => point),
    ['/data/a b', '/data/deep/mount'],
  );
});

test('network and user space file systems are told from local ones', () => {
  const kinds = [
    'nfs',
    'nfs4',
    'cifs',
    'fuse.sshfs',
    'fuse',
    'virtiofs',
    '9p',
    'ext4',
    'xfs',
    'fuseblk',
    'btrfs',
  ];
  assert.deepEqual(
    kinds.filter((type) => isRemote({ point: '/', type })),
    kinds.slice(0, 7),
  );
});

test('a source that others change, or that is put together, is told', () => {
  const look = (source: string, rules: readonly `- ${string}`[], schedule?: string) =>
    examinePlace(
      {
        source,
        rules,
        crossMounts: true,
        fullSync: schedule === undefined ? undefined : { schedule, timeZone: undefined },
      },
      mounts,
    ).map(({ level, check }) => `${level} ${check}`);
  assert.deepEqual(look('/data', []), ['warn file system', 'warn mounts', 'warn mounts']);
  assert.deepEqual(look('/data', ['- /a b/', '- deep/']), ['warn file system']);
  assert.deepEqual(look('/data', ['- /a b/', '- deep/'], '0 3 * * *'), ['ok file system']);
  assert.deepEqual(look('/merged/x', []), ['warn file system']);
  assert.deepEqual(look('/home', []), ['ok file system']);
});

test("rsync's list is read, with blanks in names and commas in sizes", () => {
  const listed = parseList(
    'motd\ndrwxr-xr-x          4,096 2020/01/01 00:00:00 .\n-rw-r--r--              2 2026/11/27 12:03:15 a b\n',
  );
  assert.deepEqual(listed, [
    { name: '.', mtimeSeconds: 1_577_836_800 },
    { name: 'a b', mtimeSeconds: Date.UTC(2026, 10, 27, 12, 3, 15) / 1_000 },
  ]);
});

test('a finding is one line, whatever it holds', () => {
  const finding = { level: 'warn', check: 'mounts', target: 'b', text: 'x\ny\x1b[31m', remedy: 'z' } as const;
  assert.equal(lineOf(finding), 'warn  b, mounts: x y [31m  (z)');
});
