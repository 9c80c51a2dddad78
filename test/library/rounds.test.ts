import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { watchTree } from '../../src/index.js';
import { embedded, setting } from '../support/embedded.js';
import { type Held, held, type Memory, memory, noMoreThan, slope } from '../support/held.js';
import { tempTree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

/** A run by hand takes 1000, see CONTRIBUTING.md. */
const rounds = Number(process.env.IMGSYNC_ROUNDS ?? 30);
/** The first ones load code and fill pools of threads. */
const warmUp = 6;
/** Bytes say something only after the compiler and malloc have got to an end; objects from the beginning. */
const enoughForBytes = 500;
/** Growth of bytes for each round that is taken for a leak. One graph of a replication holds more than 100 KiB. */
const limits = { heap: 2 * 1024, external: 16 * 1024, resident: 16 * 1024 };

/** Looks in the second half of the rounds; one takes about as long as a round. */
const looks = 12;
const kinds = ['objects', 'heap', 'external', 'resident'] as const;

/** Runs them, and fails for anything of which there is more after them, or more and more. */
const assertNothingLeft = async (
  t: TestContext,
  round: (index: number) => Promise<void>,
  times: number,
): Promise<void> => {
  const every = Math.max(1, Math.floor(times / 2 / looks));
  const first = times - every * looks;
  assert.ok(first >= warmUp, `${times} rounds are too few`);
  // A list of what was seen would be a leak by itself.
  const seen = Object.fromEntries(kinds.map((kind) => [kind, new Float64Array(looks)]));
  let before: Held | undefined;
  for (let index = 0, look = 0; index < times; index++) {
    await round(index);
    if (index + 1 === warmUp) before = held();
    if (index < first || (index + 1 - first) % every !== 0) continue;
    const now = memory();
    for (const kind of kinds) seen[kind]?.set([now[kind]], look);
    look++;
  }
  if (before !== undefined) await untilNoMoreThan(before);
  const growth = (kind: keyof Memory): number => slope([...(seen[kind] ?? [])]) / every;
  t.diagnostic(`${JSON.stringify(before)} after ${warmUp} rounds, ${JSON.stringify(held())} after ${times}`);
  for (const kind of kinds) {
    const [from, to] = [seen[kind]?.[0], seen[kind]?.at(-1)];
    t.diagnostic(`${kind}: ${from} to ${to} in the second half, ${growth(kind).toFixed(2)} a round`);
  }
  assert.ok(growth('objects') < 0.5, 'each round leaves an object');
  if (times < enoughForBytes) return;
  for (const kind of ['heap', 'external', 'resident'] as const)
    assert.ok(growth(kind) < limits[kind], `${kind} grows`);
};

const untilNoMoreThan = (before: Held): Promise<void> =>
  waitFor(() => noMoreThan(before), { what: 'as little as before', limitMs: 30_000 });

test(`${rounds} starts and stops of a replication leave nothing behind`, async (t) => {
  const { source, daemons, config } = await setting(t, 2, { 'a/b/f': '0' });
  const replication = embedded(t, config);
  const round = async (index: number): Promise<void> => {
    await replication.start();
    source.write('a/b/f', String(index));
    await replication.settled();
    await replication.stop();
    assert.equal(daemons[1]?.tree.read('a/b/f').toString(), String(index));
  };
  await assertNothingLeft(t, round, rounds);
});

test(`${rounds} replications, each a new one with a listener and a signal, leave nothing behind`, async (t) => {
  const { source, config } = await setting(t, 1, { f: '0' });
  const { signal } = new AbortController();
  const round = async (index: number): Promise<void> => {
    const replication = embedded({ after: () => {} }, config, { signal });
    let isDelivered = false;
    replication.on('delivered', () => {
      isDelivered = true;
    });
    await replication.start();
    source.write('f', String(index));
    await replication.settled({ paths: ['f'], signal, timeoutMs: 60_000 });
    await replication.stop();
    assert.ok(isDelivered);
  };
  await assertNothingLeft(t, round, rounds);
});

test(`${rounds * 3} watches of a tree leave nothing behind`, async (t) => {
  const tree = tempTree(t, { 'a/b/f': '0' });
  const { signal } = new AbortController();
  const round = async (index: number): Promise<void> => {
    const watch = watchTree(tree.path, { signal });
    await watch.ready;
    tree.write('a/b/f', String(index));
    const { value } = await watch.next();
    assert.ok(value !== undefined && value.changes.length > 0);
    await watch.return();
  };
  await assertNothingLeft(t, round, rounds * 3);
});
