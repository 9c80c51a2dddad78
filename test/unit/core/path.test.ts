import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { packChanges, unpackChanges } from '../../../src/core/change.js';
import {
  ancestorsOf,
  asRelPath,
  displayPath,
  isInside,
  parentOf,
  relPathFromBytes,
  relPathToBytes,
} from '../../../src/core/path.js';
import { changeOf, crowdedPath, relPath } from '../../support/arbitraries.js';

test('a path keeps its bytes in both directions', () =>
  fc.assert(fc.property(relPath, (path) => assert.equal(relPathFromBytes(relPathToBytes(path)), path))));

test('packed changes unpack to the same changes', () =>
  fc.assert(
    fc.property(fc.array(changeOf(relPath)), (changes) =>
      assert.deepEqual([...unpackChanges(packChanges(changes))], changes),
    ),
  ));

test('a buffer that is no packed list is refused', () => {
  assert.throws(() => [...unpackChanges(Buffer.from('xa\0'))], RangeError);
  assert.throws(() => [...unpackChanges(Buffer.from('ea'))], RangeError);
});

test('a path is inside exactly its ancestors', () =>
  fc.assert(
    fc.property(crowdedPath, crowdedPath, (a, b) => {
      assert.equal(isInside(a, b), [...ancestorsOf(a)].includes(b));
    }),
  ));

test('the parent holds the path', () => {
  assert.equal(parentOf(asRelPath('a/b')), 'a');
  assert.equal(parentOf(asRelPath('a')), '');
  assert.equal(parentOf(asRelPath('')), undefined);
});

for (const [bytes, shown] of [
  ['', '.'],
  ['a b', 'a b'],
  ['图片.jpg', '图片.jpg'],
  ['a\nb\\', 'a\\x0ab\\\\'],
] as const) {
  test(`${JSON.stringify(bytes)} is shown as ${shown}`, () =>
    assert.equal(displayPath(relPathFromBytes(Buffer.from(bytes))), shown));
}
test('a name that is not UTF-8 is shown by its bytes', () =>
  assert.equal(displayPath(relPathFromBytes(Buffer.from([0x61, 0xff, 0x0a]))), 'a\\xff\\x0a'));
