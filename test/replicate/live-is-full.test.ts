import { mkdirSync } from 'node:fs';
import { test } from 'node:test';
import { waitForEqual } from '../support/converge.js';
import { startImgsync } from '../support/imgsync.js';
import { chooseSeed, Random } from '../support/random.js';
import { startReplication } from '../support/replication.js';
import { rsyncDaemon } from '../support/rsync-daemon.js';
import type { Tree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

/** Of every kind: by name, anchored, directories alone, across slashes, classes, an include before an exclude. */
const includes = ['keep.tmp', '/a/b/', '*.jpg'];
const excludes = [
  '*.tmp',
  '/a/',
  'b/',
  'c/**',
  '/c/a',
  '[ab].txt',
  '?.log',
  'a/*/b',
  '**/c/*.txt',
  '/b',
  '.*',
];
const names = [
  'a',
  'b',
  'c',
  'a.txt',
  'b.txt',
  'c.txt',
  'x.log',
  'one.tmp',
  'keep.tmp',
  'pic.jpg',
  '.hidden',
];

const some = <Item>(random: Random, list: readonly Item[], most: number): Item[] =>
  Array.from({ length: random.below(most + 1) }, () => random.pick(list));

const pathOf = (random: Random): string =>
  Array.from({ length: 1 + random.below(4) }, () => random.pick(names)).join('/');

/** Things that can not be done (a file where a directory would have to be) are left out. */
const disturb = (random: Random, tree: Tree): void => {
  const path = pathOf(random);
  const chance = random.next();
  try {
    if (chance < 0.6) tree.write(path, `${random.below(1_000)}`);
    else if (chance < 0.7) mkdirSync(tree.at(path), { recursive: true });
    else if (chance < 0.85) tree.move(path, pathOf(random));
    else tree.remove(path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
};

test('under any filter the live changes make of a target what a full sync makes of an empty one', async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`SEED=${seed}`);
  const random = new Random(seed);
  for (let round = 0; round < 5; round++) {
    const filter = { include: some(random, includes, 2), exclude: some(random, excludes, 4) };
    const live = await startReplication(t, { targets: 1, config: { ...filter, delete: { max: '100%' } } });
    const { source, daemons } = live;
    for (let change = 0; change < 150; change++) disturb(random, source);
    source.write('last.jpg.end', 'x');
    const [target] = daemons;
    if (target === undefined) throw new Error('no target');
    await waitFor(() => target.tree.has('last.jpg.end'), { what: 'the last change' });
    const fresh = await rsyncDaemon(t);
    const full = startImgsync(t, { source: source.path, targets: [fresh.url], ...filter });
    await full.waitForLog(({ msg }) => msg === 'reconcile finished', 'end of the full sync');
    // What is left out changes the times of the directory that it is in, which is no change of what is replicated.
    await waitForEqual(fresh.path, [target.path], { ignoreTimes: () => true, limitMs: 60_000 }).catch(
      (error: unknown) => {
        throw new Error(`SEED=${seed}, round ${round}, ${JSON.stringify(filter)}: ${String(error)}`);
      },
    );
    await full.stop();
    await live.imgsync.stop();
  }
});
