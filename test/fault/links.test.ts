import { chmodSync, linkSync, utimesSync } from 'node:fs';
import { test } from 'node:test';
import { chooseSeed, Random } from '../support/random.js';
import { startReplication } from '../support/replication.js';
import { shell } from '../support/run.js';

test('a file with several names, changed through any of them: every name is right at every target', async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`SEED=${seed}`);
  const random = new Random(seed);
  const files = { 'a/one': 'one', 'b/two': 'two', 'c/d/e/x': 'x' };
  const replication = await startReplication(t, { files });
  const { source, imgsync } = replication;
  const names = [
    ['a/one', 'b/also-one', 'c/d/one'],
    ['b/two', 'b/two-again', 'a/two'],
  ];
  const link = (from: string, to: string) => linkSync(source.at(from), source.at(to));
  const change = (path: string, round: number) => {
    const ways = [
      () => source.write(path, `content ${round} ${'x'.repeat(random.below(50))}`),
      () => source.append(path, `more ${round}`),
      () => chmodSync(source.at(path), random.pick([0o600, 0o644, 0o755])),
      () => utimesSync(source.at(path), 1e9 + round, 1e9 + round),
    ];
    random.pick(ways)();
  };
  const changeAll = async (rounds: number): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      for (const group of names) change(random.pick(group), round);
      await replication.settled();
    }
  };
  // Made while it runs.
  link('a/one', 'b/also-one');
  link('a/one', 'c/d/one');
  link('b/two', 'b/two-again');
  link('b/two', 'a/two');
  await replication.settled();
  await changeAll(12);
  // Made before it starts, and changed while it is down.
  await imgsync.stop();
  link('a/one', 'c/d/e/late-one');
  names[0]?.push('c/d/e/late-one');
  change('a/one', 100);
  await replication.restart();
  await replication.settled();
  await changeAll(12);
  // A name that is moved, and one that a directory takes along.
  source.move('b/also-one', 'c/moved-one');
  source.move('c/d', 'c/dd');
  names[0] = ['a/one', 'c/moved-one', 'c/dd/one', 'c/dd/e/late-one'];
  await changeAll(12);
  // Without a close under this name: by truncate(2) and by a writer who goes on.
  await shell(
    source.path,
    'truncate -s 3 c/moved-one; dd if=/dev/zero of=a/two bs=1 count=9 conv=notrunc status=none',
  );
  await replication.settled();
});
