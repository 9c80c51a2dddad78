import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from '../../../src/core/change.js';
import { asRelPath } from '../../../src/core/path.js';
import { PathClaims } from '../../../src/replicate/path-claims.js';
import { crowdedDirectories } from '../../../src/replicate/planner.js';

const entries = (directory: string, count: number): Change[] =>
  Array.from({ length: count }, (_, i) => ({ kind: 'entry', path: asRelPath(`${directory}${i}`) }));

test('crowded are the directories of many entries that nothing in flight touches', () => {
  const batch: Change[] = [...entries('a/', 16), ...entries('b/', 15), ...entries('', 20)];
  batch.push({ kind: 'tree', path: asRelPath('b/16') });
  assert.deepEqual(crowdedDirectories(batch, new PathClaims()), ['a', '']);
  for (const [claimed, expected] of [
    ['a', []],
    ['a/1/x', []],
    ['c', ['a']],
    ['', []],
  ] as const) {
    const claims = new PathClaims();
    claims.claim(asRelPath(claimed));
    assert.deepEqual(crowdedDirectories(batch, claims), expected, claimed);
  }
});
