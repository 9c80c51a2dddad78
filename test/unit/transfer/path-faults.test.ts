import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PathFaults } from '../../../src/transfer/path-faults.js';

const stderr = [
  'rsync: [receiver] mkstemp "/locked/.x.jpg.Qw12er" (in mod) failed: Permission denied (13)',
  'rsync: [sender] send_files failed to open "/src/tree/secret": Permission denied (13)',
  'rsync: [sender] opendir "/src/tree/closed" failed: Permission denied (13)',
  'rsync: [generator] recv_generator: mkdir "/full/sub" (in mod) failed: Operation not permitted (1)',
  '*** Skipping any contents from this failed directory ***',
  'rsync: [receiver] delete_file: unlink(locked/y) failed: Permission denied (13)',
  'could not make way for new regular file: flip',
  'ERROR: daemon refused to receive file "keys/b.key"',
  'rsync: [generator] opendir "/below/shut" (in mod) failed: Permission denied (13)',
  'rsync: [generator] recv_generator: failed to stat "/below/shut/n" (in mod): Permission denied (13)',
  'rsync: [sender] link_stat "/src/tree/was-dir/f" failed: Not a directory (20)',
  'rsync: [sender] send_files failed to open "/src/tree/now-link/f": Too many levels of symbolic links (40)',
  'rsync: [sender] read errors mapping "/src/tree/now-dir": Is a directory (21)',
  'file has vanished: "/src/tree/came-back"',
  `rsync: [receiver] mkstemp "/long/.${'n'.repeat(247)}.Qw12er" (in mod) failed: Permission denied (13)`,
  'ERROR: daemon refused to receive file "../../etc/passwd"',
  'ERROR: daemon refused to receive file "keys/say "yes" twice.key"',
  'rsync: [receiver] delete_file: unlink(locked/y (copy "2")) failed: Permission denied (13)',
  'could not make way for new regular file: a "flip"',
  'rsync: [receiver] rename "/locked/.a "z".Qw12er" (in mod) -> "a "z"": Operation not permitted (1)',
  'rsync error: some files/attrs were not transferred (see previous errors) (code 23) at main.c(1338) [sender=3.2.7]',
].join('\n');
const faults = new PathFaults(stderr, { source: '/src/tree', target: '/below' });

const table: readonly (readonly [string, string, RegExp])[] = [
  ['locked/x.jpg', 'PERMISSION_DENIED', /mkstemp/],
  ['secret', 'SOURCE_UNREADABLE', /send_files/],
  ['closed', 'SOURCE_UNREADABLE', /opendir/],
  ['full/sub/deep/file', 'PERMISSION_DENIED', /mkdir/],
  ['locked/y', 'PERMISSION_DENIED', /unlink/],
  ['flip', 'OTHER', /make way/],
  ['keys/b.key', 'REFUSED', /refused/],
  ['keys/say "yes" twice.key', 'REFUSED', /refused/],
  ['locked/y (copy "2")', 'PERMISSION_DENIED', /unlink/],
  ['a "flip"', 'OTHER', /make way/],
  ['locked/a "z"', 'PERMISSION_DENIED', /rename/],
  ['was-dir/f', 'SOURCE_MOVED', /link_stat/],
  ['now-link/f', 'SOURCE_MOVED', /send_files/],
  ['now-dir', 'SOURCE_MOVED', /read errors/],
  ['came-back', 'SOURCE_MOVED', /vanished/],
  [`long/${'n'.repeat(255)}`, 'PERMISSION_DENIED', /mkstemp/],
  ['shut', 'PERMISSION_DENIED', /opendir/],
  ['shut/n', 'PERMISSION_DENIED', /failed to stat/],
];
for (const [path, code, text] of table)
  test(`${path.slice(0, 40)} failed with ${code}`, () => {
    const fault = faults.of(path);
    assert.equal(fault.code, code);
    assert.match(fault.text, text);
  });

test('what a dry run does not list is named apart', () => {
  assert.deepEqual(faults.unlisted.sort(), [
    'a "flip"',
    'closed',
    'flip',
    'keys/b.key',
    'keys/say "yes" twice.key',
    'now-dir',
    'now-link/f',
    'secret',
    'shut',
    'shut/n',
    'was-dir/f',
  ]);
});

test('as many lines as paths: each is looked up, not searched for', () => {
  const count = 50_000;
  const lines = Array.from(
    { length: count },
    (_, i) => `rsync: mkstemp "/d/.f${i}.Qw12er" (in mod) failed: ${i}`,
  );
  const many = new PathFaults(lines.join('\n'), { source: '/src', target: '' });
  for (let i = 0; i < count; i++) assert.match(many.of(`d/f${i}`).text, new RegExp(`: ${i}$`));
});
