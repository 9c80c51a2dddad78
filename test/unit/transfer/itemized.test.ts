import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ItemizedLine, ReportReader } from '../../../src/transfer/itemized.js';

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
