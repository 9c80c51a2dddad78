import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PathArguments } from '../../../src/transfer/path-arguments.js';

const listOf = (paths: readonly string[]): Buffer => Buffer.from(paths.map((path) => `${path}\0`).join(''));
const numbered = (count: number, of = (n: number) => `./f${n}`): string[] =>
  Array.from({ length: count }, (_, n) => of(n));

test('64 paths and more, and any that stand for what is in them, are arguments', () => {
  const all = new PathArguments();
  assert.equal(all.of(listOf(numbered(63))), undefined);
  assert.deepEqual(all.of(listOf(numbered(64))), numbered(64));
  assert.deepEqual(all.of(listOf(['./a', './d/'])), ['./a', './d/']);
  assert.deepEqual(all.of(listOf(['./'])), ['./']);
  assert.equal(all.of(new Uint8Array()), undefined);
});

test('with directories they are few, for rsync looks through all for each file', () => {
  const all = new PathArguments();
  assert.equal(all.of(listOf(['./d/', ...numbered(1999)]))?.length, 2000);
  assert.equal(all.of(listOf(['./d/', ...numbered(2000)])), undefined);
  assert.equal(all.of(listOf(numbered(8192)))?.length, 8192);
});

test('what is no UTF-8 is none, and arrives byte by byte otherwise', () => {
  const all = new PathArguments();
  const odd = ['./-x', './ü', './line\nbreak', './\u{1f5bc}', './\ufffd/'];
  assert.deepEqual(all.of(listOf(odd)), odd);
  assert.equal(all.of(Buffer.concat([listOf(odd), Buffer.from('./\xe9\0', 'latin1')])), undefined);
});

test('a path that does not fit behind the name of the root is none', () => {
  const all = new PathArguments();
  assert.equal(all.of(listOf([...numbered(100), `./${'ü'.repeat(1899)}`]))?.length, 101);
  assert.equal(all.of(listOf([...numbered(100), `./${'ü'.repeat(1900)}`])), undefined);
});

test('they fit into what the kernel takes, less after it refused', () => {
  const all = new PathArguments();
  const long = (count: number) => listOf(numbered(count, (n) => `./${String(n).padStart(93, 'x')}`));
  assert.equal(all.of(long(8192))?.length, 8192);
  assert.equal(all.of(long(8193)), undefined);
  all.refused(long(1000));
  assert.equal(all.of(long(1000)), undefined);
  assert.equal(all.of(long(375))?.length, 375);
  assert.equal(all.of(long(376)), undefined);
});
