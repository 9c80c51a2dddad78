import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { ChangeKind } from '../../../src/core/change.js';
import { ancestorsOf, isInside, parentOf, type RelPath, ROOT } from '../../../src/core/path.js';
import type { Coverage, TargetDigests } from '../../../src/store/target-digests.js';
import { crowdedPath, relPath } from '../../support/arbitraries.js';
import { digestOf, digestTables } from '../../support/digest-store.js';

const p = (path: string) => path as RelPath;
const acknowledged = (path: string, coverage: Coverage = 'all', text = path, entries = 3) => ({
  path: p(path),
  digest: digestOf(text),
  entries,
  coverage,
});
const entry = (path: string) => ({ kind: 'entry', path: p(path) }) as const;
const has = (digests: TargetDigests, path: string, text = path) =>
  digests.get(p(path))?.digest === digestOf(text);

const setUp = (t: TestContext, ...paths: string[]) => {
  const life = digestTables(t);
  const digests = life();
  digests.put(paths.map((path) => acknowledged(path)));
  return { digests, life };
};

test('what was acknowledged is found again, whatever the order of parents and children', async (t) => {
  const { digests } = setUp(t, '', 'a', 'b/c/d', 'b');
  assert.ok(has(digests, '') && has(digests, 'a') && has(digests, 'b/c/d') && has(digests, 'b'));
  assert.deepEqual(digests.get(p('b/c')), { digest: undefined, entries: 0 });
  assert.equal(digests.get(p('c')), undefined);
  assert.deepEqual(digests.children([p('')]), ['a', 'b']);
});

test('entries alone count only in a directory that was known as a whole', async (t) => {
  const { digests } = setUp(t, '', 'a');
  digests.put([acknowledged('a', 'entries', 'newer'), acknowledged('b', 'entries')]);
  assert.ok(has(digests, 'a', 'newer'));
  assert.equal(digests.get(p('b')), undefined);
});

test('a directory that was found to differ has to be acknowledged as a whole', async (t) => {
  const { digests } = setUp(t, '', 'a', 'a/b');
  digests.markUnknown([p('a')]);
  digests.put([acknowledged('a', 'entries')]);
  assert.equal(digests.get(p('a'))?.digest, undefined);
  assert.ok(has(digests, 'a/b'), 'what lies below is not concerned');
  digests.put([acknowledged('a')]);
  assert.ok(has(digests, 'a'));
});

test('a directory that is removed takes all below it with it, for good', async (t) => {
  const { digests } = setUp(t, '', 'a', 'a/b', 'a/b/c', 'ab');
  digests.remove([p('a')]);
  digests.put([acknowledged('a'), acknowledged('a/b', 'entries')]);
  assert.ok(has(digests, 'a') && has(digests, 'ab'));
  assert.equal(digests.get(p('a/b')), undefined);
  assert.equal(digests.get(p('a/b/c')), undefined);
});

test('a directory acknowledged as a new tree cuts off what a former one of its name held', async (t) => {
  const { digests } = setUp(t, '', 'a', 'a/b', 'a/b/c');
  digests.put([acknowledged('a', 'tree'), acknowledged('a/x', 'tree')]);
  assert.ok(has(digests, 'a') && has(digests, 'a/x'));
  assert.equal(digests.get(p('a/b')), undefined);
});

test('a suspect directory does not count, nor anything below, until it is acknowledged', async (t) => {
  const { digests } = setUp(t, '', 'a', 'a/b', 'b');
  digests.expect([entry('a')]);
  assert.equal(digests.get(p('a'))?.digest, undefined);
  assert.equal(digests.get(p('a/b'))?.digest, undefined);
  assert.equal(digests.get(p(''))?.digest, undefined);
  assert.ok(has(digests, 'b'));
  digests.put([acknowledged('', 'entries'), acknowledged('a', 'entries')]);
  assert.ok(has(digests, '') && has(digests, 'a') && has(digests, 'a/b'));
});

test('what a process that died left suspect stays void below, however it is acknowledged', async (t) => {
  const { digests, life } = setUp(t, '', 'a', 'a/b', 'a/b/c');
  digests.expect([{ kind: 'directory', path: p('a') }]);
  const later = life();
  later.put([acknowledged('a', 'entries')]);
  assert.equal(later.get(p('a'))?.digest, undefined);
  later.put([acknowledged('a/b')]);
  later.expect([{ kind: 'directory', path: p('a') }]);
  later.put([acknowledged('a')]);
  assert.ok(has(later, 'a') && has(later, 'a/b'));
  assert.equal(later.get(p('a/b/c')), undefined);
});

test('a file that is sent makes its directory uncertain, and nothing else', (t) => {
  const { digests, life } = setUp(t, '', 'a', 'a/b');
  digests.expect([entry('a/f')]);
  assert.equal(digests.get(p('a'))?.digest, undefined);
  assert.ok(has(digests, '') && has(digests, 'a/b'));
  const later = life();
  later.put([acknowledged('a', 'entries')]);
  assert.equal(
    later.get(p('a'))?.digest,
    undefined,
    'a former process may have sent more than was acknowledged',
  );
  digests.put([acknowledged('a', 'entries')]);
  assert.ok(has(digests, 'a'));
  digests.expect([entry('x/y/z')]);
  assert.equal(digests.get(p(''))?.digest, undefined, 'x may be made');
});

test('what a former process left uncertain is not made certain by being sent once more', (t) => {
  for (const change of [entry('a/f'), entry('a')]) {
    const { digests, life } = setUp(t, '', 'a', 'a/b');
    digests.expect([change]);
    const later = life();
    later.expect([change]);
    later.put([acknowledged('a', 'entries')]);
    assert.equal(later.get(p('a'))?.digest, undefined);
    later.put([acknowledged('a', 'all')]);
    assert.ok(has(later, 'a'));
  }
});

test('attributes of the root do not concern what lies below', (t) => {
  const { digests } = setUp(t, '', 'a');
  digests.expect([entry('')]);
  assert.equal(digests.get(p(''))?.digest, undefined);
  assert.ok(has(digests, 'a'));
});

test('below a directory that is not known and may be about to go, nothing is stored', (t) => {
  const { digests } = setUp(t, '', 'a');
  digests.put([acknowledged('b/c'), acknowledged('a/c')], (path) => path === 'b' || path === 'a');
  assert.equal(digests.get(p('b/c')), undefined);
  assert.ok(has(digests, 'a/c'), 'a is known, and its mark protects what lies below');
});

test('entries are counted below a directory, also where digests do not count', async (t) => {
  const { digests } = setUp(t, '', 'a', 'a/b', 'a/b/c', 'd');
  assert.equal(digests.entriesBelow(ROOT), 15);
  assert.equal(digests.entriesBelow(p('a')), 9);
  assert.equal(digests.entriesBelow(p('a'), 5), 5);
  assert.equal(digests.entriesBelow(p('a/file')), 0);
  digests.distrust();
  assert.equal(digests.get(p('a/b'))?.digest, undefined);
  assert.equal(digests.entriesBelow(ROOT), 15);
});

test('sweeping removes what was cut off and nothing else', async (t) => {
  const { digests } = setUp(t, '', 'a', 'a/b', 'a/b/c', 'a/d', 'e', 'e/f');
  digests.remove([p('a')]);
  assert.equal(digests.size, 6);
  assert.equal(await digests.sweep(), 3);
  assert.equal(digests.size, 3);
  assert.ok(has(digests, '') && has(digests, 'e/f'));
  digests.clear();
  assert.equal(digests.get(p('e/f')), undefined);
  await digests.sweep();
  assert.equal(digests.size, 0);
});

test('targets know nothing of each other', async (t) => {
  const { digests, life } = setUp(t, '', 'a');
  const other = life('other');
  assert.equal(other.get(p('a')), undefined);
  await other.put([acknowledged('', 'all', 'x')]);
  assert.ok(has(digests, '') && has(other, '', 'x'));
});

test('any names are kept apart', async (t) => {
  const life = digestTables(t);
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(relPath, { minLength: 1, maxLength: 30 }), async (paths) => {
      const digests = life(`run-${run++ % 900}`);
      digests.clear();
      digests.put(paths.map((path) => acknowledged(path)));
      for (const path of paths) assert.ok(has(digests, path));
    }),
    { numRuns: 50 },
  );
});

interface Node {
  readonly text: string;
  readonly entries: number;
  readonly unknown: boolean;
  readonly mark: 'none' | 'changing' | 'suspect';
  /** Whether the mark is of a process that died. */
  readonly former: boolean;
}

/** The same as a plain tree in which whatever is cut off is gone at once. */
class Model {
  readonly nodes = new Map<RelPath, Node>();

  put(path: RelPath, coverage: Coverage, text: string, entries: number): void {
    if (coverage === 'entries') {
      for (const above of ancestorsOf(path)) if (!this.#isUsable(above)) return;
      const node = this.nodes.get(path);
      if (node === undefined || node.unknown || node.former) return;
    } else {
      for (const above of [...ancestorsOf(path)].reverse()) this.#makeUsable(above);
    }
    if (coverage === 'tree' || !this.#isUsable(path)) this.#cutBelow(path);
    this.nodes.set(path, { text, entries, unknown: false, mark: 'none', former: false });
  }

  remove(path: RelPath): void {
    this.nodes.delete(path);
    this.#cutBelow(path);
  }

  expect(path: RelPath, kind: ChangeKind): void {
    const known = [...ancestorsOf(path)].find((above) => this.nodes.has(above)) ?? ROOT;
    if (kind !== 'directory' || !this.nodes.has(path)) this.#mark(known, 'changing');
    if (kind !== 'entry' || path !== ROOT) this.#mark(path, 'suspect');
  }

  #mark(path: RelPath, mark: 'changing' | 'suspect'): void {
    const node = this.nodes.get(path);
    if (node === undefined) return;
    if (node.former && node.mark === 'suspect') this.#cutBelow(path);
    const isSuspect = mark === 'suspect' || (node.mark === 'suspect' && !node.former);
    this.nodes.set(path, {
      ...node,
      unknown: node.unknown || node.former,
      mark: isSuspect ? 'suspect' : 'changing',
      former: false,
    });
  }

  markUnknown(path: RelPath): void {
    const node = this.nodes.get(path);
    if (node !== undefined) this.nodes.set(path, { ...node, unknown: true });
  }

  restart(): void {
    for (const [path, node] of this.nodes)
      if (node.mark !== 'none') this.nodes.set(path, { ...node, former: true });
  }

  get(path: RelPath): { digest: string | undefined; entries: number } | undefined {
    const node = this.nodes.get(path);
    if (node === undefined) return undefined;
    const above = [...ancestorsOf(path)].map((each) => this.nodes.get(each)?.mark);
    const counts = !node.unknown && node.mark === 'none' && !above.includes('suspect');
    return { digest: counts ? digestOf(node.text) : undefined, entries: node.entries };
  }

  entriesBelow(path: RelPath): number {
    let count = 0;
    for (const [each, { entries }] of this.nodes)
      if (each === path || isInside(each, path)) count += this.nodes.has(path) ? entries : 0;
    return count;
  }

  #isUsable(path: RelPath): boolean {
    const node = this.nodes.get(path);
    return node !== undefined && !(node.former && node.mark === 'suspect');
  }

  #makeUsable(path: RelPath): void {
    if (this.#isUsable(path)) return;
    this.#cutBelow(path);
    const node = this.nodes.get(path);
    const entries = node?.entries ?? 0;
    this.nodes.set(path, { text: '', entries, unknown: true, mark: 'none', former: false });
  }

  #cutBelow(path: RelPath): void {
    for (const each of [...this.nodes.keys()]) if (isInside(each, path)) this.nodes.delete(each);
  }
}

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      put: crowdedPath,
      coverage: fc.constantFrom<Coverage>('entries', 'all', 'tree'),
      text: fc.constantFrom('x', 'y'),
      entries: fc.nat(5),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      expect: crowdedPath,
      kind: fc.constantFrom<ChangeKind>('entry', 'directory', 'tree'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ remove: crowdedPath }) },
  { weight: 1, arbitrary: fc.record({ unknown: crowdedPath }) },
  { weight: 1, arbitrary: fc.constantFrom('restart' as const, 'sweep' as const) },
);

test('any sequence of acknowledgements, marks and restarts leaves what a plain tree would hold', async (t) => {
  const life = digestTables(t);
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const name = `run-${run++ % 900}`;
      let digests = life(name);
      digests.clear();
      await digests.sweep();
      const model = new Model();
      const seen = new Set<RelPath>([ROOT]);
      for (const each of steps) {
        if (each === 'restart') {
          digests = life(name);
          model.restart();
        } else if (each === 'sweep') {
          await digests.sweep();
          assert.equal(digests.size, model.nodes.size);
        } else if ('put' in each) {
          digests.put([acknowledged(each.put, each.coverage, each.text, each.entries)]);
          model.put(each.put, each.coverage, each.text, each.entries);
          seen.add(each.put);
        } else if ('expect' in each) {
          digests.expect([{ kind: each.kind, path: each.expect }]);
          model.expect(each.expect, each.kind);
        } else if ('remove' in each) {
          digests.remove([each.remove]);
          model.remove(each.remove);
        } else {
          digests.markUnknown([each.unknown]);
          model.markUnknown(each.unknown);
        }
      }
      for (const path of [...seen, ...model.nodes.keys()]) {
        assert.deepEqual(digests.get(path), model.get(path), `at ${JSON.stringify(path)}`);
        assert.equal(digests.entriesBelow(path), model.entriesBelow(path));
        const children = [...model.nodes.keys()].filter((each) => parentOf(each) === path).sort();
        if (model.nodes.has(path)) assert.deepEqual(digests.children([path]), children);
      }
    }),
    { numRuns: 150 },
  );
});
