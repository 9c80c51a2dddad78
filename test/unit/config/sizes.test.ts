import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isBandwidth, parseSize } from '../../../src/config/sizes.js';

for (const [text, bytes] of [
  [0, 0],
  [4096, 4096],
  ['17', 17],
  ['64m', 64 * 1024 ** 2],
  ['1.5K', 1536],
  ['8 MiB', 8 * 1024 ** 2],
  ['2gb', 2 * 1024 ** 3],
  ['1T', 1024 ** 4],
  [-1, undefined],
  [1.5, undefined],
  ['', undefined],
  ['-1', undefined],
  ['m', undefined],
  ['64mm', undefined],
  ['64 parsecs', undefined],
  ['99999999t', undefined],
] as const) {
  test(`the size ${JSON.stringify(text)} is ${bytes}`, () => assert.equal(parseSize(text), bytes));
}

for (const [text, isOne] of [
  ['20m', true],
  ['500k', true],
  ['1.5MiB', true],
  ['1g', true],
  ['20', false],
  ['0k', false],
  ['20 m', false],
  ['20m/s', false],
] as const) {
  test(`${JSON.stringify(text)} is ${isOne ? 'a' : 'no'} bandwidth`, () =>
    assert.equal(isBandwidth(text), isOne));
}
