import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRsyncParams } from '../../../../src/config/import/rsync-params.js';
import { rsyncSettings } from '../../../../src/config/import/settings.js';
import { wordsOf } from '../../../../src/config/import/words.js';
import { configSchema } from '../../../../src/config/schema.js';

const read = (line: string) => readRsyncParams(wordsOf(line));

for (const [line, settings, exclude = []] of [
  ['--checksum', { checksum: true }],
  ['-rtc', { checksum: true }],
  ['-c --no-checksum', {}],
  ['-c --no-c', {}],
  ['--fsync', { fsync: true }],
  ['--fsync --no-fsync', {}],
  ['--chmod=D755,F644', { chmod: 'D755,F644' }],
  ['--chmod D755 --chmod=F644', { chmod: 'D755,F644' }],
  ['--chown=www:www', { chown: 'www:www' }],
  ['--usermap=1000:33,*:0 --groupmap 0-99:nobody', { usermap: '1000:33,*:0', groupmap: '0-99:nobody' }],
  ['--chown=a:b --chown=www:www', { chown: 'www:www' }],
  ['-b --backup-dir=.backup', { backupDir: '.backup' }, ['/.backup/']],
  ['--backup-dir=old/pictures/', { backupDir: 'old/pictures' }, ['/old/pictures/']],
  ['-T /var/tmp', { tempDir: '/var/tmp' }],
  ['-T.receiving', { tempDir: '.receiving' }, ['/.receiving/']],
  ['-z', { compress: true }],
  ['-zz', { compress: true }],
  ['-z --no-z', { compress: false }],
  ['-W', { wholeFile: true }],
  ['--no-W', { wholeFile: false }],
  ['--timeout=30', { timeoutSeconds: 30 }],
  ['--timeout=0', {}],
  ['--timeout=soon', {}],
  // What no key takes stays an option of rsync.
  ['--backup', { args: ['--backup'] }],
  ['--backup --backup-dir=/old', { args: ['--backup', '--backup-dir=/old'] }],
  ['--backup-dir=../old', { args: ['--backup-dir=../old'] }],
  ["'--chmod=D755 F644'", { args: ['--chmod=D755 F644'] }],
  ['--compress-level=3 --numeric-ids', { args: ['--compress-level=3', '--numeric-ids'] }],
] as const satisfies readonly (readonly [string, object, (readonly string[])?])[]) {
  test(`${line} of an old configuration`, () => {
    const params = read(line);
    assert.deepEqual(rsyncSettings(params), settings);
    assert.deepEqual(params.exclude, exclude);
    for (const { message } of params.notes) assert.doesNotMatch(message, /undefined|NaN/);
    const written = {
      source: '/data',
      targets: ['rsync://host/module'],
      exclude: params.exclude,
      rsync: rsyncSettings(params),
    };
    assert.ok(configSchema.safeParse(written).success);
  });
}

test('every option is told of once, with the key that it became', () => {
  const { notes } = read('-c --chmod=F644 -T .receiving --timeout=0 --backup-dir=/old');
  assert.deepEqual(
    notes.map(({ kind, about }) => `${kind} ${about}`),
    [
      'carried -c',
      'carried --chmod=F644',
      'carried -T .receiving',
      'changed --timeout=0',
      'carried --backup-dir=/old',
      'changed --links --perms --times --group --owner --devices',
    ],
  );
  assert.match(notes[1]?.message ?? '', /chmod/);
  assert.match(notes[2]?.message ?? '', /tempDir.*exclude/);
});
