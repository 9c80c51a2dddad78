import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveConfig } from '../../../src/config/resolve.js';
import { rsyncArgs } from '../../../src/transfer/rsync-args.js';
import { plainCall } from '../../support/targets.js';
import { tempTree } from '../../support/temp-tree.js';

const url = 'rsync://a/m';

/** Section of all, section of the one target, excludes -> the fault. */
const faults: readonly (readonly [common: object, own: object, exclude: readonly string[], fault: RegExp])[] =
  [
    [{ chmod: 'D755;F644' }, {}, [], /\/rsync\/chmod: expected modes as for chmod/],
    [{ chmod: 'F644 --delete' }, {}, [], /\/rsync\/chmod: expected modes/],
    [{ chown: 'a:b:c' }, {}, [], /\/rsync\/chown: expected "user:group"/],
    [{ chown: ':' }, {}, [], /\/rsync\/chown: expected "user:group"/],
    [{ usermap: '1000' }, {}, [], /\/rsync\/usermap: expected pairs of users/],
    [{ groupmap: 'a:b,' }, {}, [], /\/rsync\/groupmap: expected pairs of groups/],
    [{}, { chown: 'a', usermap: '1:2' }, [], /\/targets\/0\/rsync\/chown: does not go together/],
    [{ chown: 'a' }, { groupmap: '1:2' }, [], /\/targets\/0\/rsync\/chown: does not go together/],
    [{ backupDir: '/abs' }, {}, [], /\/rsync\/backupDir: expected a directory below the target/],
    [{ backupDir: '../out' }, {}, ['/../out/'], /\/rsync\/backupDir: expected a directory below the target/],
    [{ backupDir: 'a/./b' }, {}, ['/a/'], /\/rsync\/backupDir: expected a directory below/],
    [
      { backupDir: '.backup' },
      {},
      [],
      /\/rsync\/backupDir: .*would be deleted: add "\/\.backup\/" to exclude/,
    ],
    [{}, { tempDir: 'tmp/in' }, ['tmp/in'], /\/targets\/0\/rsync\/tempDir: .*add "\/tmp\/in\/" to exclude/],
    [{ tempDir: 'x*' }, {}, ['/x*/'], /\/rsync\/tempDir: expected an absolute path, or a directory below/],
    [{ checksum: 'yes' }, {}, [], /\/rsync\/checksum: expected true or false/],
    [{ args: ['--update'] }, {}, [], /--update is refused: use the update key/],
  ];
for (const [common, own, exclude, fault] of faults)
  test(`a fault: ${JSON.stringify({ common, own, exclude })}`, async (t) => {
    const source = tempTree(t).path;
    const input = { source, rsync: common, targets: [{ url, rsync: own }], exclude };
    await assert.rejects(resolveConfig(input, 'word'), ({ message }: Error) => {
      assert.match(message, fault);
      assert.equal(message.split('\n').length, 1, message);
      return true;
    });
  });

/** Key and value -> what rsync gets. */
const options: readonly (readonly [section: object, ...args: readonly string[]])[] = [
  [{ chmod: 'Dg+s,ug+w,Fo-w,+X' }, '--chmod=Dg+s,ug+w,Fo-w,+X'],
  [{ chown: 'www:www' }, '--chown=www:www'],
  [{ chown: ':33' }, '--chown=:33'],
  [{ usermap: '0-99:nobody,wayne:admin,*:normal' }, '--usermap=0-99:nobody,wayne:admin,*:normal'],
  [{ groupmap: 'usr:1' }, '--groupmap=usr:1'],
  [{ backupDir: 'old/.backup' }, '--backup', '--backup-dir=old/.backup'],
  [{ tempDir: '/var/tmp' }, '--temp-dir=/var/tmp'],
  [{ checksum: true }, '--checksum'],
  [{ update: true }, '--update'],
  [{ fsync: true }, '--fsync'],
  [{ compress: true }, '-z'],
  [{ wholeFile: true }, '--whole-file'],
];
for (const [section, ...args] of options)
  test(`${JSON.stringify(section)} becomes ${args.join(' ')}`, async (t) => {
    const source = tempTree(t).path;
    const input = { source, targets: [{ url, rsync: section }, 'rsync://b/m'], exclude: ['/old/'] };
    const [own, other] = (await resolveConfig(input, 'word')).targets;
    assert.ok(own !== undefined && other !== undefined);
    const given = rsyncArgs({ ...plainCall, target: own });
    const others = new Set(rsyncArgs({ ...plainCall, target: other }).slice(0, -1));
    assert.deepEqual(
      given.slice(0, -1).filter((arg) => !others.has(arg)),
      args,
    );
  });

test('a target overrides single keys', async (t) => {
  const input = {
    source: tempTree(t).path,
    rsync: { chmod: 'F644', checksum: true, listsOnly: true },
    targets: [
      { url, rsync: { chmod: 'F600' } },
      { url: 'rsync://b/m', rsync: { checksum: false, listsOnly: false } },
    ],
  };
  const [first, second] = (await resolveConfig(input, 'word')).targets;
  assert.deepEqual([first?.rsync.chmod, first?.rsync.checksum], ['F600', true]);
  assert.deepEqual([second?.rsync.chmod, second?.rsync.checksum], ['F644', undefined]);
  assert.deepEqual([first?.rsync.listsOnly, second?.rsync.listsOnly], [true, undefined]);
});
