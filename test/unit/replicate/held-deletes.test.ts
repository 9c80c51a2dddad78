import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from '../../../src/core/change.js';
import type { RelPath } from '../../../src/core/path.js';
import { HeldDeletes } from '../../../src/replicate/held-deletes.js';

const changeOf = (path: string, kind: Change['kind'] = 'entry'): Change => ({
  kind,
  path: path as RelPath,
});

const heldOf = (...paths: string[]): HeldDeletes => {
  const held = new HeldDeletes();
  held.add(
    paths.map((path) => ({ ...changeOf(path), at: 0 })),
    paths.map(() => 2),
  );
  return held;
};
const pathsOf = (held: HeldDeletes): string[] => Array.from(held, ({ path }) => path);

test('what lies below another gone path is left out, and not counted', () => {
  const held = heldOf('a/b/c', 'x', 'a/b');
  assert.deepEqual(pathsOf(held), ['x', 'a/b']);
  assert.deepEqual([held.size, held.entries], [2, 4]);
});

const delivered: readonly (readonly [Change['kind'], string, string[]])[] = [
  ['entry', 'a/b', ['a/c/d', 'e']],
  ['directory', 'a', ['a/c/d', 'e']],
  ['tree', 'a', ['e']],
  ['directory', '', ['a/b', 'a/c/d']],
];
for (const [kind, path, left] of delivered)
  test(`a delivered ${kind} '${path}' settles what was held there`, () => {
    const held = heldOf('a/b', 'a/c/d', 'e');
    held.delivered([changeOf(path, kind)]);
    assert.deepEqual(pathsOf(held), left);
    assert.equal(held.entries, 2 * left.length);
  });

test('very many paths fold into their directories', () => {
  const paths = Array.from({ length: 60_000 }, (_, i) => `d${i % 10}/f${i}`);
  const held = heldOf(...paths);
  assert.ok(held.size < 100, `${held.size}`);
  assert.equal(held.entries, 120_000);
  for (const { kind } of held) assert.equal(kind, 'directory');
});
