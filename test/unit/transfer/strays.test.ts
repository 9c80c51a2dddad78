import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asRelPath } from '../../../src/core/path.js';
import { placeBehind } from '../../../src/transfer/strays.js';

for (const [link, to, path, place] of [
  ['a/l', 'b', 'a/l/f', 'a/b/f'],
  ['a/l', '../b/./c', 'a/l/d/f', 'b/c/d/f'],
  ['l', '.', 'l/f', 'f'],
  ['l', '/', 'l/f', 'f'],
  ['a/b/l', '/x//y/', 'a/b/l/f', 'x/y/f'],
  ['l', '/../..', 'l/f', 'f'],
  ['l', '..', 'l/f', undefined],
  ['a/l', '../../b', 'a/l/f', undefined],
  ['l', 'b', 'l', 'b'],
] as const)
  test(`${path} behind ${link} -> ${to} is ${place ?? 'outside'}`, () => {
    assert.equal(placeBehind(asRelPath(link), to, asRelPath(path)), place);
  });
