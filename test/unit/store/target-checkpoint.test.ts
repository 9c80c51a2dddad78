import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Change } from '../../../src/core/change.js';
import type { RelPath } from '../../../src/core/path.js';
import { TargetCheckpoint } from '../../../src/store/target-checkpoint.js';
import { digestOf, digestStore } from '../../support/digest-store.js';

const paths = (...names: string[]) => names as RelPath[];
const entry = (path: string): Change => ({ kind: 'entry', path: path as RelPath });

/** A target that acknowledged the root and `a`, and nothing of `unknown`. */
const setUp = async (t: TestContext) => {
  const digests = (await digestStore(t)).target('target');
  const directory = (path: RelPath) => ({
    path,
    digest: digestOf(path),
    entries: 1,
    coverage: 'all' as const,
  });
  digests.put(paths('', 'a', 'unknown').map(directory));
  digests.markUnknown(paths('unknown'));
  const world = { open: [] as Change[], isCompared: true };
  const checkpoint = new TargetCheckpoint({
    digests,
    openChanges: () => (world.isCompared ? world.open : undefined),
    isCompared: () => world.isCompared,
  });
  /** @returns the directories that the round takes with all beneath */
  const round = async (): Promise<RelPath[]> => {
    checkpoint.take();
    const { takenTrees } = checkpoint;
    await checkpoint.store({ found: [], existing: new Set(), settling: [] });
    checkpoint.giveBack();
    return takenTrees;
  };
  /** @returns what has to be sent as a whole */
  const acknowledge = (...names: string[]): RelPath[] =>
    checkpoint.acknowledged(checkpoint.sending(names.map(entry)), paths(...names));
  return { world, checkpoint, round, acknowledge };
};

test('as long as a target was not compared, nothing is new to it', async (t) => {
  const { round, acknowledge } = await setUp(t);
  assert.deepEqual(acknowledge('new'), []);
  assert.deepEqual(await round(), []);
});

test('what may be older than the end of a comparison is sent as a whole', async (t) => {
  const { world, checkpoint, round, acknowledge } = await setUp(t);
  checkpoint.restart();
  world.isCompared = false;
  assert.deepEqual(acknowledge('during', 'during/below'), ['during', 'during/below']);
  world.isCompared = true;
  assert.deepEqual(acknowledge('undrained'), ['undrained'], 'the watcher may know more than the log');
  world.open = [entry('open'), { kind: 'directory', path: 'late' as RelPath }];
  await round();
  assert.deepEqual(acknowledge('open', 'late/below', 'new'), ['open', 'late/below']);
  world.open = [];
  assert.deepEqual(await round(), ['new']);
  assert.deepEqual(acknowledge('open'), [], 'it was sent as a whole');
});

test('which directories are older is known without a round, once the watcher was drained', async (t) => {
  const { world, checkpoint, acknowledge } = await setUp(t);
  assert.equal(checkpoint.beginCatchUp(), undefined, 'it was not compared');
  checkpoint.restart();
  world.isCompared = false;
  assert.equal(checkpoint.beginCatchUp(), undefined, 'the comparison goes on');
  world.isCompared = true;
  const former = checkpoint.beginCatchUp();
  checkpoint.restart();
  checkpoint.catchUp(former);
  assert.deepEqual(acknowledge('undrained'), ['undrained'], 'another comparison has begun since');
  const comparison = checkpoint.beginCatchUp();
  world.open = [entry('open')];
  checkpoint.catchUp(comparison);
  assert.deepEqual(acknowledge('open', 'new'), ['open']);
  assert.equal(checkpoint.beginCatchUp(), undefined, 'it is known');
});

test('a directory is new where all above it is known, or new as well', async (t) => {
  const { checkpoint, round, acknowledge } = await setUp(t);
  checkpoint.restart();
  await round();
  assert.deepEqual(acknowledge('a', 'a/b', 'a/b/c', 'unknown/d', 'nowhere/d', `${'n'.repeat(256)}`), []);
  assert.deepEqual(await round(), ['a/b', 'a/b/c']);
});

test('nothing is new while a comparison is due, and a batch from before it says nothing', async (t) => {
  const { world, checkpoint, round, acknowledge } = await setUp(t);
  checkpoint.restart();
  await round();
  world.isCompared = false;
  assert.deepEqual(acknowledge('a/b'), []);
  const ticket = checkpoint.sending([entry('a/c')]);
  checkpoint.restart();
  world.isCompared = true;
  assert.deepEqual(checkpoint.acknowledged(ticket, paths('a/c')), []);
  assert.deepEqual(await round(), []);
});
