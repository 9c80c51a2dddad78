import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { LogLine } from '../support/imgsync.js';
import { type Replication, type ReplicationOptions, startReplication } from '../support/replication.js';
import type { Tree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

const directories = 100;
/** 1100 entries: 100 directories with ten files each. */
const files = Object.fromEntries(
  Array.from({ length: directories * 10 }, (_, i) => [`d${Math.floor(i / 10)}/f${i % 10}`, `${i}`]),
);
const total = directories * 11;
const lost = Array.from({ length: 60 }, (_, i) => `d${i}`);

const start = (t: TestContext, options: ReplicationOptions = {}) =>
  startReplication(t, { files, ...options });

const isHeld = ({ code }: LogLine): boolean => code === 'DELETES_HELD';
const holds = ({ imgsync }: Replication): LogLine[] => imgsync.logs.filter(isHeld);

/** Waits until every target holds its deletes. */
const allHeld = (replication: Replication): Promise<void> =>
  waitFor(
    () => {
      replication.imgsync.assertRunning();
      return new Set(holds(replication).map(({ target }) => target)).size === replication.daemons.length;
    },
    { what: 'held deletes of every target' },
  );

/** Sends a file and waits for it: what changed before has been looked at. */
const flows = async ({ source, targets, imgsync }: Replication, path: string): Promise<void> => {
  source.write(path, 'new');
  await waitFor(
    () => {
      imgsync.assertRunning();
      return targets.every((tree) => existsSync(tree.at(path)));
    },
    { what: path },
  );
};

const remaining = (tree: Tree): number => tree.count();

const removeMost = ({ source }: Replication): void => {
  for (const path of lost) source.remove(path);
};

const expectKept = (replication: Replication, atLeast: number): void => {
  for (const tree of replication.targets)
    assert.ok(remaining(tree) >= atLeast, `${remaining(tree)} entries are left of ${total}`);
};

for (const [name, isSlow] of [
  ['at once', false],
  ['in many small batches', true],
] as const) {
  test(`60 % deleted ${name}: never more than half goes, the rest is held, new files flow; approved, it goes`, async (t) => {
    const replication = await start(t);
    for (const path of lost) {
      replication.source.remove(path);
      if (isSlow) await flows(replication, `new/${path}`);
    }
    await allHeld(replication);
    await flows(replication, 'later');
    expectKept(replication, total / 2);
    const listed = replication.command('deletes', 'list', '--json');
    assert.equal(listed.code, 0, listed.stderr);
    for (const target of JSON.parse(listed.stdout).targets) {
      assert.equal(target.holding, true);
      assert.ok(target.held > 0 && target.entries > 0, JSON.stringify(target));
    }
    assert.equal(holds(replication).length, replication.daemons.length, 'one line for each hold');
    assert.match(String(holds(replication)[0]?.hint), /deletes approve/);
    assert.equal(replication.command('deletes', 'approve').code, 0);
    await replication.settled();
    assert.equal(holds(replication).length, replication.daemons.length);
  });
}

test('60 % deleted while it was down: nothing of it goes, also after another restart; approved for one target, it goes there', async (t) => {
  const replication = await start(t);
  await replication.settled();
  await replication.imgsync.stop();
  removeMost(replication);
  for (let round = 0; round < 2; round++) {
    await replication.restart();
    await replication.firstSyncDone();
    await flows(replication, `new${round}`);
    for (const tree of replication.targets) assert.equal(remaining(tree), total + round + 1);
    const { stdout } = replication.command('deletes', 'list');
    assert.match(stdout, /target-1 +held +60 +660 +0/);
    if (round === 0) await replication.imgsync.stop();
  }
  assert.match(
    replication.command('deletes', 'approve', '--target', 'target-1').stdout,
    /target-1: 60 paths will be deleted/,
  );
  const [first, second] = replication.daemons;
  assert.ok(first !== undefined && second !== undefined);
  await replication.imgsync.settled([first.path]);
  assert.equal(remaining(second.tree), total + 2);
});

test('rejected: the targets keep it, also after a restart; it is told; other deletes flow, and approve undoes it', async (t) => {
  const replication = await start(t);
  const { source, targets } = replication;
  await replication.settled();
  removeMost(replication);
  await allHeld(replication);
  await flows(replication, 'new');
  const kept = targets.map((tree) => lost.filter((path) => existsSync(tree.at(path))));
  for (const paths of kept) assert.ok(paths.length >= 10, `${paths.length}`);
  assert.equal(replication.command('deletes', 'reject').code, 0);
  const expectAllKept = () =>
    targets.forEach((tree, index) => {
      for (const path of kept[index] ?? []) assert.ok(existsSync(tree.at(path)), path);
    });
  const isDeleted = (path: string) =>
    waitFor(() => targets.every((tree) => !existsSync(tree.at(path))), { what: `delete of ${path}` });

  source.remove('d90');
  await isDeleted('d90');
  expectAllKept();
  await replication.imgsync.stop();
  source.remove('d91');
  source.write('d92/new', 'new');
  await replication.restart();
  await isDeleted('d91');
  await replication.firstSyncDone();
  await flows(replication, 'newer');
  expectAllKept();
  assert.deepEqual(holds(replication), []);
  const { targets: listed } = JSON.parse(replication.command('deletes', 'list', '--json').stdout);
  assert.deepEqual(
    listed.map((target: { kept: number }) => target.kept),
    kept.map(({ length }) => length),
  );
  assert.match(replication.command('deletes', 'approve').stdout, /will be deleted/);
  await replication.settled();
});

test('what was rejected and comes back at the source is replicated and deleted like all else', async (t) => {
  const replication = await start(t, {
    targets: 1,
    config: { delete: { max: 3 } },
    files: { 'a/1': '', 'a/2': '', 'a/3': '', b: '' },
  });
  await replication.settled();
  replication.source.remove('a');
  await allHeld(replication);
  await flows(replication, 'new');
  replication.command('deletes', 'reject');
  replication.source.write('a/1', 'again');
  const [target] = replication.targets;
  // What the limit left room for may have gone before the rest was held.
  await waitFor(() => target?.has('a/1') === true && target.read('a/1').toString() === 'again', {
    what: 'a/1',
  });
  await waitFor(
    () => JSON.parse(replication.command('deletes', 'list', '--json').stdout).targets[0].kept === 0,
    { what: 'an end of keeping it' },
  );
});

test('a directory with 60 % of the tree is renamed, while it runs and while it is down: nothing is held', async (t) => {
  const moved = Object.fromEntries(
    Object.entries(files).map(([path, text], i) => [i < 600 ? `big/${path}` : path, text]),
  );
  const replication = await start(t, { files: moved });
  await replication.settled();
  replication.source.move('big', 'renamed');
  await replication.settled();
  await replication.imgsync.stop();
  replication.source.move('renamed', 'once-more');
  await replication.restart();
  await replication.settled();
  assert.deepEqual(holds(replication), []);
});

test('what was held and is brought back ends the hold by itself', async (t) => {
  const replication = await start(t, { targets: 1 });
  await replication.settled();
  await replication.imgsync.stop();
  removeMost(replication);
  await replication.restart();
  await allHeld(replication);
  for (const path of lost) for (let i = 0; i < 10; i++) replication.source.write(`${path}/f${i}`, 'back');
  await replication.settled();
  await replication.imgsync.waitForLog(({ msg }) => msg.startsWith('nothing is left'), 'end of the hold');
});

test('"100%" switches the guard off; a number of entries and a window limit it', async (t) => {
  const off = await start(t, { targets: 1, config: { delete: { max: '100%' } } });
  removeMost(off);
  await off.settled();
  assert.deepEqual(holds(off), []);
});

test('a tree that was small at the start and has grown is guarded as well', async (t) => {
  const config = { delete: { windowMs: 10_000 } };
  const replication = await start(t, { targets: 1, files: { a: '' }, config });
  const { source, targets } = replication;
  for (const [path, content] of Object.entries(files)) source.write(path, content);
  await replication.settled();
  // It is counted at a delete now and then, as far as the store knows it.
  await waitFor(
    async () => {
      await flows(replication, 'x');
      source.remove('x');
      await waitFor(() => targets.every((tree) => !tree.has('x')), { what: 'delete of x' });
      const { stdout } = replication.command('deletes', 'list', '--json');
      return JSON.parse(stdout).targets[0].limit >= total / 2 - 10;
    },
    { what: 'a limit' },
  );
  removeMost(replication);
  await allHeld(replication);
});

test('deletes within the window add up, older ones do not count', async (t) => {
  // Two directories of eleven entries each: of one that goes in two batches, what went first counts once more until the
  // store knows. So it takes three of them to be too many.
  const config = { delete: { max: 2 * 11, windowMs: 1_000 } };
  const replication = await start(t, { targets: 1, config });
  await replication.settled();
  const [tree] = replication.targets;
  const deleted = (path: string) => waitFor(() => tree?.has(path) === false, { what: `delete of ${path}` });
  for (const path of ['d0', 'd1', 'd2']) {
    replication.source.remove(path);
    await deleted(path);
    const at = Date.now();
    await waitFor(() => Date.now() - at > 1_100, { what: 'the end of the window' });
  }
  assert.deepEqual(holds(replication), []);
  for (let i = 0; i < 3; i++) replication.source.remove(`d${5 + i}`);
  await allHeld(replication);
});

test('a first sync to a place full of other files deletes none of them before somebody approves', async (t) => {
  const replication = await start(t, {
    targets: 1,
    before: ({ tree }) => {
      for (let i = 0; i < 700; i++) tree.write(`foreign/${i % 7}/${i}`, 'x');
    },
  });
  await allHeld(replication);
  await flows(replication, 'new');
  assert.equal(remaining(replication.targets[0] as Tree), total + 1 + 708);
  assert.match(replication.command('deletes', 'list').stdout, /held {2}foreign/);
  replication.command('deletes', 'approve');
  await replication.settled();
});

test('a first sync over fewer other files deletes them at the end', async (t) => {
  const replication = await start(t, {
    targets: 1,
    before: ({ tree }) => {
      for (let i = 0; i < 300; i++) tree.write(`foreign/${i}`, 'x');
    },
  });
  await replication.settled();
  assert.deepEqual(holds(replication), []);
});

test('a first sync to an empty place has nothing to look through', async (t) => {
  const replication = await start(t, { targets: 1, config: { batch: { maxPaths: 50 } } });
  await replication.settled();
  const batches = replication.imgsync.logs.filter(({ msg }) => msg === 'delivered').length;
  const connections = replication.daemons[0]?.connectionsSoFar() ?? 0;
  assert.ok(batches > 15, `${batches} batches`);
  // Two probes, and now and then a standby.
  assert.ok(connections < 1.5 * batches, `${connections} connections for ${batches} batches`);
});
