import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { RelPath } from '../../../src/core/path.js';
import { compareWithTarget, levelByLevel } from '../../../src/replicate/compare.js';
import type { TargetDigests } from '../../../src/store/target-digests.js';
import type { ScannedDirectory } from '../../../src/watch/scan.js';
import { digestOf, digestStore } from '../../support/digest-store.js';

/** Path -> entries, a digest being made of the text or of the path. */
type Tree = Record<string, number | { readonly entries: number; readonly text: string }>;

const scanOf = (tree: Tree): ScannedDirectory[] =>
  Object.entries(tree).map(([path, value]) => {
    const { entries, text } = typeof value === 'number' ? { entries: value, text: path } : value;
    return {
      path: path as RelPath,
      digest: text === 'unreadable' ? '\0'.repeat(16) : digestOf(text),
      entries,
    };
  });

const setUp = async (t: TestContext, tree: Tree): Promise<TargetDigests> => {
  const digests = (await digestStore(t)).target('target');
  digests.put(scanOf(tree).map((directory) => ({ ...directory, coverage: 'all' })));
  return digests;
};

const held: Tree = { '': 2, a: 10, 'a/b': 20, 'a/b/c': 30, d: 5 };

test('of an unchanged tree nothing is to be sent', async (t) => {
  const digests = await setUp(t, held);
  assert.deepEqual(await compareWithTarget(scanOf(held), digests), {
    list: { paths: [], entries: new Uint32Array() },
    lostEntries: 0,
    heldEntries: 67,
    sourceEntries: 67,
    hasRemains: false,
  });
});

test('a target of which nothing is known gets everything, and loses nothing by it', async (t) => {
  const digests = await setUp(t, {});
  const { list, lostEntries, heldEntries } = await compareWithTarget(scanOf(held), digests);
  assert.deepEqual(list.paths, ['', 'a', 'd', 'a/b', 'a/b/c']);
  assert.deepEqual([...list.entries], [2, 10, 5, 20, 30]);
  assert.deepEqual([lostEntries, heldEntries], [0, 0]);
});

test('what differs, is new or can not be read is to be sent, and is known again only as a whole', async (t) => {
  const digests = await setUp(t, held);
  const now: Tree = {
    ...held,
    a: { entries: 11, text: 'changed' },
    d: { entries: 0, text: 'unreadable' },
    'a/new': 3,
  };
  const { list, lostEntries } = await compareWithTarget(scanOf(now), digests);
  assert.deepEqual(list.paths, ['a', 'd', 'a/new']);
  assert.equal(lostEntries, 0);
  digests.put([{ path: 'a' as RelPath, digest: digestOf('changed'), entries: 11, coverage: 'entries' }]);
  assert.equal(digests.get('a' as RelPath)?.digest, undefined);
});

test('below a directory that does not count, nothing does', async (t) => {
  const digests = await setUp(t, held);
  digests.expect([{ kind: 'directory', path: 'a' as RelPath }]);
  const { list } = await compareWithTarget(scanOf(held), digests);
  assert.deepEqual(list.paths, ['a', 'a/b', 'a/b/c']);
});

test('targets that share a scan are told apart', async (t) => {
  const store = await digestStore(t);
  const [some, all, none] = ['some', 'all', 'none'].map((name) => store.target(name));
  const scan = scanOf(held);
  const acknowledged = scan.map((directory) => ({ ...directory, coverage: 'all' as const }));
  all?.put(acknowledged);
  some?.put(acknowledged.filter(({ path }) => path !== 'a/b/c'));
  const lists = await Promise.all(
    [some, all, none].map(async (digests) =>
      digests === undefined ? [] : (await compareWithTarget(scan, digests)).list.paths,
    ),
  );
  assert.deepEqual(lists, [['a/b/c'], [], ['', 'a', 'd', 'a/b', 'a/b/c']]);
});

test('a directory that left the tree is lost with all beneath it', async (t) => {
  const digests = await setUp(t, held);
  const now: Tree = { '': { entries: 1, text: 'less' }, d: 5 };
  const { list, lostEntries, heldEntries, sourceEntries } = await compareWithTarget(scanOf(now), digests);
  assert.deepEqual(list.paths, ['']);
  assert.equal(lostEntries, 1 + 10 + 20 + 30);
  assert.deepEqual([heldEntries, sourceEntries], [67, 6]);
});

test('an empty root has lost everything', async (t) => {
  const digests = await setUp(t, held);
  const { lostEntries, heldEntries } = await compareWithTarget(
    scanOf({ '': { entries: 0, text: '-' } }),
    digests,
  );
  assert.deepEqual([lostEntries, heldEntries], [67, 67]);
});

test('a directory that was moved within the tree lost nothing, whatever it was renamed to', async (t) => {
  const digests = await setUp(t, held);
  const moved: Tree = {
    '': { entries: 1, text: 'less' },
    d: { entries: 6, text: 'more' },
    'd/x': { entries: 10, text: 'a' },
    'd/x/b': { entries: 20, text: 'a/b' },
    'd/x/b/c': { entries: 30, text: 'a/b/c' },
  };
  assert.equal((await compareWithTarget(scanOf(moved), digests)).lostEntries, 0);
});

test('a move hides no loss elsewhere, nor in what was moved', async (t) => {
  const digests = await setUp(t, held);
  const now: Tree = {
    '': { entries: 2, text: 'renamed' },
    d: { entries: 1, text: 'four less' },
    z: { entries: 10, text: 'a' },
    'z/b': { entries: 3, text: 'seventeen less' },
  };
  // d: 4; a/b is not known again, so its 20 count, and so do the 30 of a/b/c.
  assert.equal((await compareWithTarget(scanOf(now), digests)).lostEntries, 4 + 20 + 30);
});

test('records that are out of reach are noticed', async (t) => {
  const digests = await setUp(t, held);
  digests.put([{ path: 'a' as RelPath, digest: digestOf('a'), entries: 10, coverage: 'tree' }]);
  const { hasRemains, list, lostEntries } = await compareWithTarget(scanOf(held), digests);
  assert.deepEqual(list.paths, ['a/b', 'a/b/c']);
  assert.ok(hasRemains);
  assert.equal(lostEntries, 0);
  await digests.sweep();
  assert.equal((await compareWithTarget(scanOf(held), digests)).hasRemains, false);
});

test('lists go level by level', () => {
  const scan = scanOf({ '': 1, a: 1, 'a/b': 1, 'a/b/c': 1, d: 1, 'd/e': 1 });
  assert.deepEqual(levelByLevel(scan).paths, ['', 'a', 'd', 'a/b', 'd/e', 'a/b/c']);
});
