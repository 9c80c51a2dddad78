import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, lutimesSync, openSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Change, packChanges } from '../../src/core/change.js';
import { ancestorsOf, asRelPath, parentOf, type RelPath, ROOT } from '../../src/core/path.js';
import type { FilterRule } from '../../src/core/target.js';
import { loadAddon } from '../../src/native/addon.js';
import type { DeleteMethod } from '../../src/transfer/messages.js';
import { rsyncArgs } from '../../src/transfer/rsync-args.js';
import { changeOf } from '../support/arbitraries.js';
import { compareTrees } from '../support/compare-trees.js';
import { targetAt } from '../support/targets.js';
import { Tree, tempDirectory } from '../support/temp-tree.js';

/** What is at a path of a random tree. Two files of one size and time hold the same: nothing tells them apart. */
type Node =
  | { readonly type: 'file'; readonly sizeBytes: number; readonly mode: number; readonly mtime: number }
  | { readonly type: 'directory'; readonly mode: number; readonly mtime: number }
  | { readonly type: 'link'; readonly to: string; readonly mtime: number };
type Model = ReadonlyMap<RelPath, Node>;

const mtime = fc.constantFrom(1_600_000_000, 1_600_000_000.5, 1_600_000_000.25, 1_600_000_001);
const node: fc.Arbitrary<Node> = fc.oneof(
  fc.record({
    type: fc.constant('file' as const),
    sizeBytes: fc.constantFrom(0, 1, 2000),
    mode: fc.constantFrom(0o644, 0o600, 0o755),
    mtime,
  }),
  fc.record({ type: fc.constant('directory' as const), mode: fc.constantFrom(0o755, 0o700), mtime }),
  fc.record({
    type: fc.constant('link' as const),
    to: fc.constantFrom('a', 'b/a', '..', '/nowhere'),
    mtime,
  }),
);
const path = fc
  .array(fc.constantFrom('a', 'b', 'a.b', '#\n\xff'), { minLength: 1, maxLength: 4 })
  .map((names) => asRelPath(names.join('/')));

/** A path, what was there before and what is there after. */
type Step = readonly [RelPath, Node | null, Node | null];
const step = fc
  .record({ path, before: fc.option(node), after: fc.oneof(fc.constant('same' as const), fc.option(node)) })
  .map(({ path: each, before, after }): Step => [each, before, after === 'same' ? before : after]);

/** The tree that these nodes make: a path above others is a directory if it is not something else already. */
const modelOf = (nodes: readonly (readonly [RelPath, Node | null])[], rootMtime: number): Model => {
  const model = new Map<RelPath, Node>([[ROOT, { type: 'directory', mode: 0o755, mtime: rootMtime }]]);
  const depth = (each: string) => each.split('/').length;
  for (const [each, found] of [...nodes].sort(([a], [b]) => depth(a) - depth(b))) {
    if (found === null) continue;
    const above = [...ancestorsOf(each)].reverse();
    if (above.some((directory) => (model.get(directory)?.type ?? 'directory') !== 'directory')) continue;
    for (const directory of above) {
      if (!model.has(directory))
        model.set(directory, { type: 'directory', mode: 0o755, mtime: 1_600_000_000 });
    }
    model.set(each, found);
  }
  return model;
};

const beforeOf = (steps: readonly Step[]): Model =>
  modelOf(
    steps.map(([each, was]) => [each, was]),
    1_600_000_000,
  );

const plant = (tree: Tree, model: Model): void => {
  for (const [each, found] of model) {
    if (found.type === 'directory') tree.makeDirectory(each);
    else if (found.type === 'link') tree.link(each, found.to);
    else tree.write(each, String(found.mtime).slice(-1).repeat(found.sizeBytes));
  }
  // From below: making an entry changes its directory's time.
  for (const [each, found] of [...model].reverse()) {
    if (found.type !== 'link') chmodSync(tree.at(each), found.mode);
    lutimesSync(tree.at(each), found.mtime, found.mtime);
  }
};

/** The paths that differ, without directories whose time alone changed because of what came to or left them. */
const changedPaths = (before: Model, after: Model, isVisible = (_: RelPath) => true): RelPath[] => {
  const all = [...new Set([...before.keys(), ...after.keys()])];
  const crowded = new Set(
    all
      .filter((each) => isVisible(each) && before.get(each)?.type !== after.get(each)?.type)
      .map((each) => parentOf(each)),
  );
  return all.filter((each) => {
    const [was, is] = [before.get(each), after.get(each)];
    const onlyTime = was?.type === 'directory' && is?.type === 'directory' && was.mode === is.mode;
    return JSON.stringify(was) !== JSON.stringify(is) && !(onlyTime && crowded.has(each));
  });
};

/** A change that covers the path, chosen by a number below 10. */
const cover = (each: RelPath, choice: number): Change => {
  const parent = parentOf(each);
  if (choice === 6 || parent === undefined) return { kind: 'directory', path: each };
  if (choice === 7) return { kind: 'directory', path: parent };
  if (choice === 8) return { kind: 'tree', path: each };
  if (choice === 9 && parent !== '') return { kind: 'tree', path: parent };
  return { kind: 'entry', path: each };
};

const send = async (
  source: Tree,
  target: Tree,
  changes: readonly Change[],
  deleteMethod: DeleteMethod,
  rules: readonly FilterRule[] = [],
): Promise<void> => {
  const rootFd = openSync(source.path, 'r');
  try {
    const lists = await loadAddon().buildLists({
      rootFd,
      rules,
      changes: packChanges(changes),
      deleteMethod,
      checks: true,
      bigFileBytes: Number.POSITIVE_INFINITY,
      batchBytes: Number.POSITIVE_INFINITY,
    });
    for (const [list, recursive] of [
      [Buffer.concat([lists.list, lists.checked]), false],
      [lists.trees, true],
    ] as const) {
      if (list.length === 0) continue;
      const call = {
        target: targetAt({ type: 'local', path: target.path }),
        rules,
        kept: [],
        deleteMethod,
        recursive,
      };
      const stdin = loadAddon().memoryFile(list);
      try {
        execFileSync(
          'rsync',
          rsyncArgs({ ...call, maxDelete: Number.POSITIVE_INFINITY, dryRun: false, compare: 'checksum' }),
          {
            cwd: source.path,
            stdio: [stdin, 'pipe', 'pipe'],
            env: { ...process.env, LC_ALL: 'C' },
          },
        );
      } finally {
        closeSync(stdin);
      }
    }
  } finally {
    closeSync(rootFd);
  }
};

const choices = fc.array(fc.nat(9), { minLength: 1, maxLength: 20 });
const deleteMethod = fc.constantFrom('missing-args' as const, 'parent-directory' as const);

/** Both trees as the steps say: the target as it was before, the source as it is after. */
const plantBoth = (directory: string, steps: readonly Step[]) => {
  const before = beforeOf(steps);
  const after = modelOf(
    steps.map(([each, , is]) => [each, is]),
    1_600_000_001,
  );
  const source = new Tree(`${directory}/source`);
  const target = new Tree(`${directory}/target`);
  plant(source, after);
  plant(target, before);
  return { before, after, source, target };
};

test('whatever changed, rsync makes the target equal', async (t) => {
  const directory = tempDirectory(t, 'lists');
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(step, { selector: ([each]) => each, minLength: 1, maxLength: 40 }),
      choices,
      deleteMethod,
      fc.array(changeOf(path), { maxLength: 5 }),
      async (steps, chosen, method, needless) => {
        const { before, after, source, target } = plantBoth(directory, steps);
        try {
          const changes = changedPaths(before, after).map((each, i) =>
            cover(each, chosen[i % chosen.length] as number),
          );
          await send(source, target, [...changes, ...needless], method);
          assert.deepEqual(await compareTrees(source.path, target.path), []);
        } finally {
          source.remove('');
          target.remove('');
        }
      },
    ),
    { numRuns: 300 },
  );
});

/** Names that the rules hide go with one type: `cache` is a directory, `x.tmp` is none unless others lie below it. */
const hidingRules: readonly FilterRule[] = ['+ /a/x.tmp', '- *.tmp', '- cache/'];
const hidingStep = fc
  .record({
    names: fc.array(fc.constantFrom('a', 'b', 'cache', 'x.tmp'), { minLength: 1, maxLength: 4 }),
    before: fc.option(node),
    after: fc.oneof(fc.constant('same' as const), fc.option(node)),
  })
  .map(({ names, before, after }): Step => {
    const name = names.at(-1);
    const fits = (found: Node | null) =>
      (name === 'cache' && found?.type !== 'directory') || (name === 'x.tmp' && found?.type === 'directory')
        ? null
        : found;
    return [asRelPath(names.join('/')), fits(before), fits(after === 'same' ? before : after)];
  });
const isHidden = (each: string, isDirectory: boolean): boolean =>
  loadAddon().matchFilter(hidingRules, each, isDirectory).excluded;

test('what the rules hide is neither sent nor deleted', async (t) => {
  const directory = tempDirectory(t, 'lists');
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(hidingStep, { selector: ([each]) => each, minLength: 1, maxLength: 40 }),
      choices,
      deleteMethod,
      async (steps, chosen, method) => {
        const hidden = [...beforeOf(steps)].filter(([each, { type }]) =>
          isHidden(each, type === 'directory'),
        );
        // A directory that holds hidden entries stays, so nothing else can come in its place.
        const kept = new Set(hidden.flatMap(([each]) => [...ancestorsOf(each)]));
        const trees = plantBoth(
          directory,
          steps.map(([each, was, is]) => [each, was, kept.has(each) && is?.type !== 'directory' ? null : is]),
        );
        const { before, after, source, target } = trees;
        const untouched = new Tree(`${directory}/untouched`);
        plant(untouched, before);
        try {
          const isVisible = (each: RelPath) => !isHidden(each, false) && !isHidden(each, true);
          const changes = changedPaths(before, after, isVisible).map((each, i) =>
            cover(each, chosen[i % chosen.length] as number),
          );
          await send(source, target, changes, method, hidingRules);
          const exclude = (each: string) =>
            !isVisible(asRelPath(each)) || (kept.has(asRelPath(each)) && !after.has(asRelPath(each)));
          assert.deepEqual(await compareTrees(source.path, target.path, { exclude }), []);
          for (const [each] of hidden) {
            const [was, is] = [`${untouched.path}/${each}`, `${target.path}/${each}`];
            assert.deepEqual(await compareTrees(was, is), [], each);
          }
        } finally {
          for (const tree of [source, target, untouched]) tree.remove('');
        }
      },
    ),
    { numRuns: 25 },
  );
});
