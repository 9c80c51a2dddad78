import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { escapeName, type ItemizedLine, ReportReader, unescapeName } from '../../../src/transfer/itemized.js';

const output = [
  '@<f+++++++++ 12 12 a/b c',
  '@.d..t...... 4096 0 ./',
  '@cd+++++++++ 4096 0 new/',
  '@*deleting   0 0 old/x',
  '@<f.st...... 3 3 tab\\#011and\\#377',
  'cannot delete non-empty directory: old',
  'IO error encountered -- skipping file deletion',
  'Number of files: 5 (reg: 3, dir: 2)',
  'Number of regular files transferred: 2',
  'Literal data: 15 bytes',
  'Total bytes sent: 240',
  '',
].join('\n');

const read = (pieces: readonly string[]) => {
  const items: ItemizedLine[] = [];
  const reader = new ReportReader((item) => items.push(item));
  for (const piece of pieces) reader.push(piece);
  return { report: reader.end(), items };
};

test('items, counts and the note about skipped deletions are read', () => {
  const { report, items } = read([output]);
  assert.deepEqual(report, {
    files: 2,
    sentBytes: 240,
    literalBytes: 15,
    deleted: 1,
    deletionsSkipped: true,
  });
  assert.deepEqual(
    items.map(({ path }) => path),
    ['a/b c', '', 'new', 'old/x', 'tab\tand\xff'],
  );
  assert.deepEqual(
    items.map(({ isDirectory }) => isDirectory),
    [false, true, true, false, false],
  );
});

test('where the pieces are cut makes no difference', () => {
  const whole = read([output]);
  fc.assert(
    fc.property(fc.array(fc.nat(output.length), { maxLength: 12 }), (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), output.length];
      assert.deepEqual(read(at.slice(1).map((end, i) => output.slice(at[i], end))), whole);
    }),
  );
});

test('a name is all that stands behind the numbers', () => {
  for (const name of [' ', ' a  b ', '1 2 3', '@', 'a/ /b', '.', '..a', './x', '-', '\xff'])
    assert.deepEqual(read([`@<f+++++++++ 1 22 ${name}\n`]).items, [
      { what: '<f+++++++++', path: name === '.' ? '' : name.replace('./', ''), isDirectory: false },
    ]);
});

test('other lines that begin like an item are none', () => {
  for (const line of [
    '@ERROR: max connections (1) reached -- try again later',
    '@',
    '@ ',
    '@<f',
    '@<f 1',
    '@<f 1 2',
    '@<f a 2 x',
  ])
    assert.deepEqual(read([`${line}\n`]).items, []);
});

test('what moved is counted while it moves', () => {
  const reader = new ReportReader();
  reader.push(
    '@<f+++++++++ 10 12 a\n@cd+++++++++ 4096 0 d/\n@<f.st...... 100 3 b\n@*deleting   0 0 x\n@<f+++',
  );
  assert.deepEqual(reader.moved, { files: 2, sentBytes: 15 });
});

test('a name is escaped so that it stays in its line and is read as it was', () => {
  assert.equal(escapeName('a\nb\\#012\\'), 'a\\#012b\\#134#012\\');
  fc.assert(
    fc.property(fc.array(fc.constantFrom('\\', '#', '0', '7', '\n', '\x7f', 'a', '\xff')), (chars) => {
      const name = chars.join('');
      assert.ok(!escapeName(name).includes('\n'));
      assert.equal(unescapeName(escapeName(name)), name);
    }),
  );
});
