import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ChangeLog } from '../../../src/changes/change-log.js';
import { type Change, packChanges, unpackChanges } from '../../../src/core/change.js';
import type { Clock } from '../../../src/core/clock.js';
import { isInside, parentOf, type RelPath } from '../../../src/core/path.js';
import type { Mark } from '../../../src/replicate/open-work.js';
import { type Batch, Replicator, type ReplicatorObserver } from '../../../src/replicate/replicator.js';
import { type Crowd, Scheduler } from '../../../src/replicate/scheduler.js';
import type { ProbeOutcome, TransferOutcome } from '../../../src/transfer/messages.js';
import { changeOf, crowdedPath } from '../../support/arbitraries.js';

/** Time that passes only when told to. */
class FakeClock implements Clock {
  #now = 0;
  #timers: { at: number; callback: () => void }[] = [];
  now = () => this.#now;
  after = (delayMs: number, callback: () => void) => {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };
  /** Lets time go by without running timers. */
  pass(ms: number): void {
    this.#now += ms;
  }
  /** Goes to the next timer and runs it. @returns whether there was one */
  advance(): boolean {
    const timer = this.#timers.sort((a, b) => a.at - b.at).shift();
    if (timer === undefined) return false;
    this.#now = Math.max(this.#now, timer.at);
    timer.callback();
    return true;
  }
}

const stats = { files: 1, sentBytes: 1, literalBytes: 1, deleted: 0, durationMs: 1 };
const failure = { code: 'TEST', exitCode: 10, text: '', hint: '' };
const nothing = new Uint8Array();
const acknowledged: TransferOutcome = {
  result: 'acknowledge',
  stats,
  big: nothing,
  deferred: nothing,
  held: nothing,
  heldEntries: [],
  wasLimited: false,
  directories: nothing,
  stuck: [],
};
const quiet: ReplicatorObserver = {
  stateChanged() {},
  delivered() {},
  stuck() {},
  freed() {},
  reconcileStarted() {},
  reconcileFinished() {},
};
/** Lets every promise that is settled run its callbacks. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

interface Sent {
  readonly changes: Change[];
  readonly batch: Batch;
  readonly end: (outcome: TransferOutcome) => void;
}

/** A target that answers as the test says: the replicator's own bookkeeping is under test, not rsync. */
const setUp = ({
  limitBytes = Number.POSITIVE_INFINITY,
  directories = [] as RelPath[],
  slots = 8,
  crowd = undefined as Crowd | undefined,
  isHolding = (): boolean => false,
  failsToList = (): boolean => false,
  toBeWhole = (_: readonly RelPath[]): readonly RelPath[] => [],
} = {}) => {
  const clock = new FakeClock();
  const log = new ChangeLog(limitBytes, clock.now);
  const inFlight: Sent[] = [];
  /** For each one, whether it had to see changes that were skipped. */
  const listings: boolean[] = [];
  const probes: ((outcome: ProbeOutcome) => void)[] = [];
  const scheduler = new Scheduler(slots, crowd, clock);
  const replicator = new Replicator(
    'target',
    {
      maxPaths: 4,
      parallel: 2,
      bigFileBytes: 100,
      batchBytes: 1000,
      retry: { minMs: 500, maxMs: 60_000 },
      haltedMs: 30_000,
    },
    {
      cursor: log.openCursor(),
      scheduler,
      bigFileScheduler: new Scheduler(1),
      clock,
      random: () => 0.5,
      observer: quiet,
      probe: () => ({ outcome: new Promise((resolve) => probes.push(resolve)), cancel() {} }),
      send: (batch) => {
        let end: (outcome: TransferOutcome) => void = () => {};
        const outcome = new Promise<TransferOutcome>((resolve) => {
          end = resolve;
        });
        const sent: Sent = {
          changes: [...unpackChanges(batch.changes)],
          batch,
          end: (result) => {
            inFlight.splice(inFlight.indexOf(sent), 1);
            end(result);
          },
        };
        inFlight.push(sent);
        return {
          outcome,
          progress: { files: 0, sentBytes: 0 },
          cancel: () => sent.end({ result: 'cancelled' }),
        };
      },
      holdsDeletes: isHolding,
      journal: {
        sending: (changes) => ({ changes, generation: 0 }),
        acknowledged: (_, sent) => toBeWhole(sent),
      },
      listDirectories: async (skipped) => {
        listings.push(skipped);
        if (failsToList()) throw new Error('a disk that fails');
        return { paths: directories, entries: new Uint32Array(directories.length) };
      },
    },
  );
  const change = (path: string, kind: Change['kind'] = 'entry') => {
    log.append(kind, path as RelPath);
    replicator.wake();
  };
  const ready = async (deleteMethod: 'missing-args' | 'parent-directory' = 'missing-args') => {
    for (const resolve of probes.splice(0)) resolve({ result: 'ready', deleteMethod, isEmpty: false });
    await turn();
  };
  return { log, clock, inFlight, probes, replicator, scheduler, change, ready, listings };
};

const pathsOf = (sent: Sent | undefined) => sent?.changes.map(({ path }) => path);

test('what is held waits without holding up the rest, and goes again when it is released', async () => {
  let isHolding = true;
  const { log, replicator, inFlight, probes } = setUp({ isHolding: () => isHolding });
  log.append('entry', 'gone' as RelPath);
  replicator.wake();
  probes[0]?.({ result: 'ready', deleteMethod: 'missing-args', isEmpty: false });
  await turn();
  assert.equal(inFlight[0]?.batch.holdDeletes, true);
  inFlight[0]?.end({ ...acknowledged, held: packChanges([{ kind: 'entry', path: 'gone' as RelPath }]) });
  await turn();
  assert.equal(replicator.state.name, 'idle');
  assert.equal(replicator.heldCount, 1);
  isHolding = false;
  replicator.releaseHeld();
  await turn();
  assert.equal(replicator.heldCount, 0);
  assert.deepEqual(
    inFlight.map(({ changes, batch }) => [changes, batch.holdDeletes]),
    [[[{ kind: 'entry', path: 'gone' }], false]],
  );
});

test('a directory of which only the name was sent is sent as a whole where the target may hold another', async () => {
  const { inFlight, change, ready } = setUp({ toBeWhole: (sent) => sent.slice(0, 1) });
  const directories = packChanges(['a', 'b'].map((path) => ({ kind: 'entry', path: path as RelPath })));
  change('a');
  await ready();
  inFlight[0]?.end({ ...acknowledged, directories });
  await turn();
  assert.deepEqual(
    inFlight.map(({ changes }) => changes),
    [[{ kind: 'directory', path: 'a' }]],
  );
});

test('a directory in the place of one whose delete is held, or failed, takes what is left of that one away', async () => {
  const gone = packChanges([{ kind: 'entry', path: 'd' as RelPath }]);
  const stuck = [{ path: 'd', kind: 'entry', code: 'OTHER', text: '' } as const];
  for (const outcome of [{ held: gone, heldEntries: [2] }, { stuck }]) {
    const { replicator, inFlight, change, ready } = setUp({ isHolding: () => true });
    change('d', 'tree');
    await ready();
    inFlight[0]?.end({ ...acknowledged, ...outcome });
    await turn();
    change('d');
    inFlight[0]?.end({ ...acknowledged, directories: gone });
    await turn();
    assert.deepEqual(
      inFlight.map(({ changes }) => changes),
      [[{ kind: 'tree', path: 'd' }]],
    );
    assert.equal(replicator.heldCount + replicator.stuckCount, 0);
  }
});

test('a change goes out at once, what comes meanwhile in the next batches', async () => {
  const { inFlight, replicator, change, ready } = setUp();
  change('a/f');
  await ready();
  change('b/f');
  change('c/f');
  change('d/f');
  assert.deepEqual(inFlight.map(pathsOf), [['a/f'], ['b/f']]);
  inFlight[0]?.end(acknowledged);
  await turn();
  assert.deepEqual(inFlight.map(pathsOf), [['b/f'], ['c/f', 'd/f']]);
  for (const sent of [...inFlight]) sent.end(acknowledged);
  await turn();
  assert.equal(replicator.state.name, 'idle');
  assert.ok(replicator.isSettled);
});

test('in a crowd changes come together, but never wait behind directories that are compared', async () => {
  const { inFlight, replicator, scheduler, change, ready } = setUp({
    directories: ['x', 'y'] as RelPath[],
    crowd: { from: 1, isBusy: () => true },
  });
  assert.ok(scheduler.tryAcquire('other', () => {}));
  replicator.reconcile('asked for');
  await turn();
  await ready();
  assert.deepEqual(inFlight.map(pathsOf), [['x', 'y']]);
  for (const path of ['a/f', 'b/f', 'c/f']) change(path);
  assert.deepEqual(inFlight.map(pathsOf), [['x', 'y'], ['a/f']]);
  inFlight[0]?.end(acknowledged);
  await turn();
  assert.deepEqual(inFlight.map(pathsOf), [['a/f']]);
  inFlight[0]?.end(acknowledged);
  await turn();
  assert.deepEqual(inFlight.map(pathsOf), [['b/f', 'c/f']]);
});

test('a path that changes while it is in flight is sent again afterwards, not beside', async () => {
  const { inFlight, change, ready } = setUp();
  change('a/f');
  await ready();
  change('a/f');
  assert.deepEqual(inFlight.map(pathsOf), [['a/f']]);
  inFlight[0]?.end(acknowledged);
  await turn();
  assert.deepEqual(inFlight.map(pathsOf), [['a/f']]);
});

test('a busy tree does not keep off its own top directory', async () => {
  const { clock, inFlight, change, ready, replicator } = setUp();
  change('a/0');
  await ready();
  // Always one batch of the tree is in flight, and more of it waits.
  change('a');
  let topDelivered = false;
  for (let round = 1; round <= 20 && !topDelivered; round++) {
    clock.pass(200);
    change(`a/${round}`);
    await turn();
    const [oldest] = inFlight;
    topDelivered = pathsOf(oldest)?.includes('a' as RelPath) ?? false;
    change(`a/more-${round}`);
    oldest?.end(acknowledged);
    await turn();
  }
  assert.ok(topDelivered, `still pending: ${replicator.pendingCount}`);
});

test('a failing target is tried again with one batch alone, and nothing is lost', async () => {
  const { inFlight, replicator, clock, change, ready } = setUp();
  change('a/f');
  await ready();
  change('b/f');
  for (const sent of [...inFlight]) sent.end({ result: 'retry', failure });
  await turn();
  assert.equal(replicator.state.name, 'backing-off');
  assert.equal(inFlight.length, 0);
  assert.ok(clock.advance());
  await ready();
  assert.deepEqual(inFlight.map(pathsOf), [['a/f', 'b/f']]);
});

test('a way of deleting that fails at run time is replaced at once, without a pause', async () => {
  const { inFlight, replicator, change, ready } = setUp();
  change('a/f');
  await ready('missing-args');
  change('b/f');
  for (const sent of [...inFlight]) sent.end({ result: 'delete-method', failure });
  await turn();
  assert.equal(replicator.state.name, 'transferring');
  assert.ok(inFlight.length > 0);
  assert.ok(inFlight.every(({ batch }) => batch.deleteMethod === 'parent-directory'));
});

test('where deletes sync the parent directory, batches keep away from each other by parents', async () => {
  const { inFlight, change, ready } = setUp();
  change('d/a');
  await ready('parent-directory');
  change('d/b');
  change('e/c');
  assert.deepEqual(inFlight.map(pathsOf), [['d/a'], ['e/c']]);
});

test('a cursor that fell off the log is cured by a reconcile', async () => {
  const { inFlight, replicator, change, ready } = setUp({ limitBytes: 1000, directories: ['' as RelPath] });
  for (let i = 0; i < 100; i++) change(`f${i}`);
  await ready();
  await turn();
  assert.equal(replicator.state.name, 'reconciling');
  // What is read after the gap goes on meanwhile.
  const sent: Change[] = [];
  while (inFlight.length > 0) {
    for (const batch of [...inFlight]) {
      sent.push(...batch.changes);
      batch.end(acknowledged);
    }
    await turn();
  }
  assert.ok(sent.some(({ kind, path }) => kind === 'directory' && path === ''));
  assert.ok(replicator.isSettled);
});

test('after changes were skipped the listing has to be newer than they are, until one succeeds', async () => {
  let fails = true;
  const { clock, replicator, change, listings } = setUp({ limitBytes: 1000, failsToList: () => fails });
  const failure = { code: 'SOURCE_LOST', text: '', hint: '' };
  replicator.suspend(failure);
  for (let i = 0; i < 100; i++) change(`f${i}`);
  replicator.resume();
  replicator.reconcile('the source is back');
  await turn();
  assert.deepEqual(listings, [true]);
  fails = false;
  clock.advance();
  await turn();
  assert.deepEqual(listings, [true, true]);
  replicator.reconcile('asked for');
  await turn();
  assert.deepEqual(listings, [true, true, false]);
});

test('a reconcile that is asked for while one runs follows it, or replaces it after a minute', async () => {
  const { clock, inFlight, replicator, ready, listings } = setUp({ directories: ['a', 'b'] as RelPath[] });
  replicator.reconcile('first');
  await turn();
  await ready();
  replicator.reconcile('second');
  await turn();
  assert.equal(listings.length, 1);
  const finish = async () => {
    for (const sent of [...inFlight]) sent.end(acknowledged);
    await turn();
  };
  await finish();
  assert.equal(listings.length, 2);
  replicator.reconcile('third');
  clock.pass(60_000);
  replicator.wake();
  await turn();
  assert.equal(listings.length, 3);
  while (inFlight.length > 0) await finish();
  assert.ok(replicator.isSettled);
});

test('a target that was not compared yet is behind since that was asked for', async () => {
  const { clock, inFlight, ready, replicator } = setUp({ directories: ['' as RelPath] });
  clock.pass(1_000);
  replicator.reconcile('start');
  assert.equal(replicator.oldestPendingAt, 1_000);
  clock.pass(5_000);
  await turn();
  await ready();
  assert.equal(replicator.oldestPendingAt, 1_000);
  inFlight[0]?.end(acknowledged);
  await turn();
  assert.equal(replicator.oldestPendingAt, undefined);
});

const leavings: Readonly<Record<string, Partial<TransferOutcome & { result: 'acknowledge' }>>> = {
  deferred: { deferred: packChanges([{ kind: 'entry', path: 'a/f' as RelPath }]) },
  'moved to the lane of big files': { big: packChanges([{ kind: 'entry', path: 'a/f' as RelPath }]) },
  'a part of a subtree': { deferred: packChanges([{ kind: 'entry', path: 'a/f/below' as RelPath }]) },
};
for (const [what, outcome] of Object.entries(leavings))
  test(`a change is as old as it was when it is ${what}`, async () => {
    const { clock, inFlight, change, ready, replicator } = setUp();
    clock.pass(1_000);
    change('a/f', what === 'a part of a subtree' ? 'tree' : 'entry');
    await ready();
    clock.pass(5_000);
    // It is newer, and was read first.
    change('b/f');
    change('c/f');
    inFlight[0]?.end({ ...acknowledged, ...outcome });
    await turn();
    assert.equal(replicator.oldestPendingAt, 1_000);
    clock.pass(5_000);
    while (inFlight.length > 0) {
      inFlight[0]?.end(acknowledged);
      await turn();
    }
    assert.equal(replicator.oldestPendingAt, undefined);
  });

test('a change is as old as it was when its batch fails, or a directory carries it', async () => {
  const { clock, inFlight, change, ready, replicator } = setUp();
  clock.pass(1_000);
  change('a/f');
  await ready();
  clock.pass(5_000);
  change('a/f');
  change('a', 'tree');
  inFlight[0]?.end({ result: 'retry', failure });
  await turn();
  assert.equal(replicator.oldestPendingAt, 1_000);
  clock.advance();
  await ready();
  assert.deepEqual(inFlight.map(pathsOf), [['a']]);
  assert.equal(replicator.oldestPendingAt, 1_000);
  inFlight[0]?.end({ result: 'retry', failure });
  await turn();
  assert.equal(replicator.oldestPendingAt, 1_000);
});

test('a delete that was held is as old as it was when it is released', async () => {
  let isHolding = true;
  const { clock, inFlight, change, ready, replicator } = setUp({ isHolding: () => isHolding });
  clock.pass(1_000);
  change('gone');
  await ready();
  clock.pass(5_000);
  inFlight[0]?.end({ ...acknowledged, held: packChanges([{ kind: 'entry', path: 'gone' as RelPath }]) });
  await turn();
  isHolding = false;
  replicator.releaseHeld();
  assert.equal(replicator.oldestPendingAt, 1_000);
});

test('what a comparison leaves is as old as the doubt', async () => {
  const { clock, inFlight, ready, replicator } = setUp({ directories: ['' as RelPath] });
  clock.pass(1_000);
  replicator.reconcile('start');
  clock.pass(5_000);
  await turn();
  await ready();
  inFlight[0]?.end({ ...acknowledged, big: packChanges([{ kind: 'entry', path: 'big' as RelPath }]) });
  await turn();
  assert.equal(replicator.progress, undefined);
  assert.equal(replicator.oldestPendingAt, 1_000);
});

test('a stuck path is kept, tried again later, and freed by a delivery', async () => {
  const { inFlight, replicator, clock, change, ready } = setUp();
  change('a/f');
  await ready();
  inFlight[0]?.end({
    ...acknowledged,
    stuck: [{ kind: 'entry', path: 'a/f', code: 'PERMISSION_DENIED', text: '' }],
  });
  await turn();
  assert.equal(replicator.stuckCount, 1);
  assert.equal(replicator.state.name, 'idle');
  const places = () => Array.from(replicator.openWork(), ({ place }) => place);
  assert.deepEqual(places(), ['stuck']);
  assert.ok(clock.advance());
  assert.deepEqual(inFlight.map(pathsOf), [['a/f']]);
  // Whoever asks while it is tried again is told of the error.
  assert.deepEqual(places(), ['stuck', 'in flight']);
  inFlight[0]?.end(acknowledged);
  await turn();
  assert.equal(replicator.stuckCount, 0);
  assert.deepEqual(places(), []);
});

test('a big file has a lane of its own', async () => {
  const { inFlight, change, ready } = setUp();
  change('big/f');
  await ready();
  inFlight[0]?.end({ ...acknowledged, big: packChanges([{ kind: 'entry', path: 'big/f' as RelPath }]) });
  await turn();
  for (const name of ['a/f', 'b/f', 'c/f']) change(name);
  assert.deepEqual(inFlight.map(pathsOf), [['big/f'], ['a/f'], ['b/f']]);
  assert.equal(inFlight[0]?.batch.bigFileBytes, Number.POSITIVE_INFINITY);
});

test('what waits for a big file does not hold up the rest, and has its turn before the next big file', async () => {
  const { inFlight, clock, replicator, change, ready } = setUp({ directories: ['' as RelPath] });
  change('big/1');
  change('big/2');
  await ready();
  const big = packChanges([
    { kind: 'entry', path: 'big/1' as RelPath },
    { kind: 'entry', path: 'big/2' as RelPath },
  ]);
  for (const sent of [...inFlight]) sent.end({ ...acknowledged, big: sent === inFlight[0] ? big : nothing });
  await turn();
  assert.deepEqual(inFlight.map(pathsOf), [['big/1']]);
  change('big');
  replicator.reconcile('test');
  await turn();
  clock.pass(10_000);
  change('b/f');
  assert.deepEqual(inFlight.map(pathsOf), [['big/1'], ['b/f']]);
  inFlight[0]?.end(acknowledged);
  await turn();
  const order: (string | undefined)[] = [];
  while (inFlight.length > 0 && order.length < 20) {
    order.push(...inFlight.flatMap(pathsOf));
    for (const sent of [...inFlight]) sent.end(acknowledged);
    await turn();
  }
  assert.ok(order.indexOf('') < order.indexOf('big/2'), order.join());
  assert.ok(order.indexOf('big') < order.indexOf('big/2'), order.join());
  assert.ok(replicator.isSettled);
});

test('a directory that a faster batch changed meanwhile gets its times once more, when all is quiet', async () => {
  const { inFlight, replicator, change, ready } = setUp();
  change('d/slow');
  await ready();
  change('d/fast');
  inFlight[1]?.end(acknowledged);
  await turn();
  inFlight[0]?.end(acknowledged);
  await turn();
  assert.deepEqual(inFlight.map(pathsOf), [['d/fast']]);
  inFlight[0]?.end(acknowledged);
  await turn();
  assert.ok(replicator.isSettled);
});

test('a probe that was cut is made again, also when its end comes after the return of the source', async () => {
  const { inFlight, probes, replicator, change, ready } = setUp();
  change('a/f');
  replicator.suspend(failure);
  replicator.resume();
  assert.equal(probes.length, 1);
  probes.shift()?.({ result: 'cancelled' });
  await turn();
  assert.equal(probes.length, 1);
  await ready();
  assert.deepEqual(inFlight.map(pathsOf), [['a/f']]);
});

test('a suspended replica sends nothing and forgets nothing', async () => {
  const { inFlight, replicator, change, ready } = setUp();
  change('a/f');
  await ready();
  replicator.suspend({ code: 'SOURCE_LOST', text: '', hint: '' });
  await turn();
  change('b/f');
  assert.equal(inFlight.length, 0);
  replicator.resume();
  assert.deepEqual(inFlight.flatMap(pathsOf).sort(), ['a/f', 'b/f']);
});

const overlaps = (a: RelPath, b: RelPath) => a === b || isInside(a, b) || isInside(b, a);

test('whatever changes and however batches end, every change is acknowledged by a batch that began after it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          { weight: 4, arbitrary: fc.record({ change: changeOf(crowdedPath) }) },
          {
            weight: 3,
            arbitrary: fc.record({
              end: fc.nat(3),
              how: fc.constantFrom(
                'ack',
                'retry',
                'halt',
                'deferred',
                'delete-method',
                'cancelled',
                'stuck',
                'big',
              ),
            }),
          },
          {
            weight: 1,
            arbitrary: fc.constantFrom(
              { advance: true },
              { suspend: true },
              { resume: true },
              { mark: true },
              { mark: true },
            ),
          },
        ),
        { maxLength: 60 },
      ),
      fc.constantFrom('missing-args', 'parent-directory'),
      async (steps, deleteMethod) => {
        const { inFlight, replicator, clock, log, ready } = setUp();
        // A target that reads nothing keeps in the log what this one has read.
        log.openCursor();
        let time = 0;
        const changedAt = new Map<RelPath, { time: number; kind: Change['kind'] }>();
        const begun = new Map<Sent, number>();
        const deliveredAt: { change: Change; time: number }[] = [];
        const note = () => {
          for (const sent of inFlight) if (!begun.has(sent)) begun.set(sent, ++time);
          for (const [i, a] of inFlight.entries())
            for (const b of inFlight.slice(i + 1))
              for (const { path } of a.changes)
                assert.ok(!b.changes.some((change) => overlaps(path, change.path)));
        };
        const end = (sent: Sent, how: string) => {
          const packed = packChanges(sent.changes);
          if (how === 'ack')
            for (const change of sent.changes) deliveredAt.push({ change, time: begun.get(sent) ?? 0 });
          if (how === 'ack') sent.end(acknowledged);
          else if (how === 'deferred') sent.end({ ...acknowledged, deferred: packed });
          else if (how === 'stuck')
            sent.end({
              ...acknowledged,
              stuck: sent.changes.map(({ kind, path }) => ({ kind, path, code: 'OTHER', text: '' })),
            });
          else if (
            how === 'big' &&
            sent.batch.bigFileBytes < 1e9 &&
            sent.changes.every(({ kind }) => kind === 'entry')
          )
            sent.end({ ...acknowledged, big: packed });
          else if (how === 'retry' || how === 'halt') sent.end({ result: how, failure });
          else if (how === 'delete-method') sent.end({ result: how, failure });
          else sent.end({ result: 'cancelled' });
        };
        const isDelivered = (path: RelPath, changed: { time: number; kind: Change['kind'] }) =>
          deliveredAt.some(
            ({ change, time: at }) =>
              at > changed.time &&
              (change.path === path ||
                (change.kind === 'tree' && isInside(path, change.path)) ||
                (change.kind === 'directory' && changed.kind === 'entry' && parentOf(path) === change.path)),
          );
        let marks: { readonly mark: Mark; readonly changed: typeof changedAt }[] = [];
        const checkMarks = () => {
          const reached = marks.filter(({ mark }) => replicator.lackOf(mark) === undefined);
          marks = marks.filter((each) => !reached.includes(each));
          for (const { mark, changed } of reached)
            for (const [path, change] of changed)
              assert.ok(
                isDelivered(path, change),
                `${path} is not there, but mark ${mark.through} is reached`,
              );
        };
        const settle = async () => {
          await turn();
          await ready(deleteMethod);
          note();
          checkMarks();
        };
        for (const step of steps) {
          if ('change' in step) {
            const { kind, path } = step.change;
            log.append(kind, path);
            changedAt.set(path, { time: ++time, kind });
            replicator.wake();
          } else if ('end' in step) {
            const sent = inFlight[step.end % Math.max(1, inFlight.length)];
            if (sent !== undefined) end(sent, step.how);
          } else if ('advance' in step) clock.advance();
          else if ('mark' in step) {
            const mark = { through: log.head, readThrough: log.head, concerns: () => true };
            log.pin(log.head);
            marks.push({ mark, changed: new Map(changedAt) });
          } else if ('suspend' in step) replicator.suspend({ code: 'SOURCE_LOST', text: '', hint: '' });
          else replicator.resume();
          await settle();
        }
        replicator.resume();
        replicator.tryNow();
        await settle();
        for (let round = 0; round < 1000 && !(replicator.isSettled && replicator.stuckCount === 0); round++) {
          for (const sent of [...inFlight]) end(sent, 'ack');
          await settle();
          if (inFlight.length === 0 && !replicator.isSettled) clock.advance();
          else if (replicator.isSettled && replicator.stuckCount > 0) replicator.tryNow();
          await settle();
        }
        assert.ok(replicator.isSettled, `state ${JSON.stringify(replicator.state)}`);
        assert.equal(replicator.stuckCount, 0);
        for (const [path, changed] of changedAt)
          assert.ok(
            isDelivered(path, changed),
            `${JSON.stringify(path)} was not delivered after its last change`,
          );
        assert.deepEqual(marks, [], 'every mark is reached');
      },
    ),
    { numRuns: 300 },
  );
});

test('a mark of the log is reached although its paths go on changing, and a lost place needs a comparison', async () => {
  const { inFlight, replicator, log, change, ready } = setUp({ limitBytes: 2000 });
  log.openCursor();
  const markNow = (concerns: Mark['concerns'] = () => true): Mark => {
    log.pin(log.head);
    return { through: log.head, readThrough: log.lastMatching(log.head, concerns), concerns };
  };
  change('hot');
  await ready();
  const first = markNow();
  assert.equal(replicator.lackOf(first), 'in flight');
  change('hot');
  change('other');
  const second = markNow();
  inFlight[0]?.end(acknowledged);
  await turn();
  assert.equal(replicator.lackOf(first), undefined);
  assert.equal(replicator.lackOf(second), 'in flight');
  change('hot');
  assert.equal(replicator.lackOf(markNow(({ path }) => path === 'never')), undefined);
  for (const sent of [...inFlight]) sent.end(acknowledged);
  await turn();
  assert.equal(replicator.lackOf(second), undefined);
  replicator.suspend(failure);
  change('late');
  const third = markNow();
  assert.equal(replicator.lackOf(third), 'unread');
  for (let i = 0; i < 100; i++) change(`f${i}`);
  // The log has dropped what this mark needs.
  assert.equal(replicator.lackOf(third), 'comparison');
  replicator.resume();
  assert.equal(replicator.lackOf(third), 'comparison');
  await turn();
  while (inFlight.length > 0) {
    for (const sent of [...inFlight]) sent.end(acknowledged);
    await turn();
  }
  assert.equal(replicator.lackOf(third), undefined);
});

test('a comparison counts from when it was asked for, a full sync not at all', async () => {
  const { inFlight, replicator, log, change, ready } = setUp({ directories: ['a', 'b'] as RelPath[] });
  const mark = () => ({ through: log.head, readThrough: log.head, concerns: () => true });
  const finish = async () => {
    await turn();
    await ready();
    while (inFlight.length > 0) {
      for (const sent of [...inFlight]) sent.end(acknowledged);
      await turn();
    }
  };
  const first = mark();
  replicator.reconcile('start');
  // Of a target that was never compared nothing is known.
  assert.equal(replicator.lackOf(first), 'comparison');
  await finish();
  assert.equal(replicator.lackOf(first), undefined);
  const before = mark();
  change('x');
  replicator.reconcile('events were lost');
  await turn();
  assert.equal(replicator.lackOf(before), undefined);
  assert.equal(replicator.lackOf(mark()), 'comparison');
  await finish();
  replicator.reconcile('full sync', { isDoubtful: false });
  assert.equal(replicator.lackOf(mark()), undefined);
});

const crowded: TransferOutcome = {
  result: 'retry',
  failure: { code: 'MAX_CONNECTIONS', exitCode: 5, text: '', hint: '' },
};

test('a target that takes fewer connections than there were gets no more, without a pause', async () => {
  const { inFlight, replicator, change, ready, clock } = setUp();
  change('a');
  await ready();
  change('b');
  assert.deepEqual(inFlight.map(pathsOf), [['a'], ['b']]);
  inFlight[1]?.end(crowded);
  await turn();
  assert.deepEqual(inFlight.map(pathsOf), [['a']]);
  assert.equal(replicator.state.name, 'transferring');
  change('c');
  assert.equal(inFlight.length, 1);
  inFlight[0]?.end(acknowledged);
  await turn();
  assert.deepEqual(inFlight.map(pathsOf), [['b', 'c']]);
  // Alone, the refusal is of others' making: now it is waited.
  inFlight[0]?.end(crowded);
  await turn();
  assert.equal(replicator.state.name, 'backing-off');
  assert.equal(inFlight.length, 0);
  clock.advance();
  await ready();
  assert.deepEqual(inFlight.map(pathsOf), [['b', 'c']]);
  inFlight[0]?.end(acknowledged);
  await turn();
  assert.equal(replicator.isSettled, true);
});

const bigEntry = (path: string) => packChanges([{ kind: 'entry', path: path as RelPath }]);

test('big and small files take turns where there is one connection', async () => {
  const { inFlight, change, ready } = setUp();
  change('small-1');
  await ready();
  change('small-2');
  inFlight[1]?.end(crowded);
  await turn();
  inFlight[0]?.end({ ...acknowledged, big: bigEntry('big') });
  await turn();
  assert.deepEqual(inFlight.map(pathsOf), [['big']]);
  change('small-3');
  inFlight[0]?.end({ ...acknowledged, big: bigEntry('big-2') });
  await turn();
  assert.deepEqual(inFlight.map(pathsOf), [['small-2', 'small-3']]);
  inFlight[0]?.end(acknowledged);
  await turn();
  assert.deepEqual(inFlight.map(pathsOf), [['big-2']]);
});

test('a time that is put back while the content is on its way makes it compared by content', async () => {
  const { inFlight, change, ready, clock } = setUp();
  const kindsOf = () => inFlight.map(({ batch }) => batch.list.map(({ kind, path }) => `${kind} ${path}`));
  change('f');
  await ready();
  // rsync may look at the file only now, and find the size and the time that the target has.
  change('f', 'attributes');
  change('other', 'attributes');
  assert.deepEqual(kindsOf(), [['entry f'], ['attributes other']]);
  inFlight[1]?.end(acknowledged);
  inFlight[0]?.end(acknowledged);
  await turn();
  assert.deepEqual(kindsOf(), [['entry f']]);
  inFlight[0]?.end(acknowledged);
  await turn();
  // The word of it may also come a moment after the batch.
  change('f', 'attributes');
  assert.deepEqual(kindsOf(), [['entry f']]);
  inFlight[0]?.end(acknowledged);
  await turn();
  clock.pass(60_000);
  change('f', 'attributes');
  assert.deepEqual(kindsOf(), [['attributes f']]);
  // A batch of attributes carries no content.
  inFlight[0]?.end(acknowledged);
  await turn();
  change('f', 'attributes');
  assert.deepEqual(kindsOf(), [['attributes f']]);
});
