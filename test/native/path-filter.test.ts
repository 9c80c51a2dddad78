import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { ancestorsOf, asRelPath, ROOT } from '../../src/core/path.js';
import type { FilterRule } from '../../src/core/target.js';
import { loadAddon } from '../../src/native/addon.js';
import { type Tree, tempDirectory, tempTree } from '../support/temp-tree.js';

/** What rsync itself takes of a tree under these rules. Directories without the trailing slash, no root. */
const takenByRsync = (tree: Tree, target: string, rules: readonly FilterRule[]): string[] => {
  const filters = rules.map((rule) => `--filter=${Buffer.from(rule, 'latin1').toString('utf8')}`);
  const output = execFileSync('rsync', ['-rn', '--out-format=%n', ...filters, './', `${target}/`], {
    cwd: tree.path,
    encoding: 'latin1',
    env: { ...process.env, LC_ALL: 'C' },
  });
  return output
    .split('\n')
    .map((line) => line.replace(/\\#(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))))
    .filter((line) => line !== '' && line !== './')
    .map((line) => line.replace(/\/$/, ''))
    .sort();
};

const names = [...'abA1-]!\\*?'].concat('ab aa abc a.b .a [a] a*b a\\b #a \xc3\xa9'.split(' '), 'a b');
const path = fc
  .array(fc.constantFrom(...names, 'a', 'b', 'ab'), { minLength: 1, maxLength: 4 })
  .map((parts) => asRelPath(parts.join('/')));
const tokens = [...'abab.//*?-!#1 ][\\'].concat(
  '** *** \xc3\xa9 \\* \\a \\\\ \\? \\['.split(' '),
  '[ab] [!a] [^b] [a-c] []a] [!]a] [a-] [--9] [\\]] [a\\-c] [/a] [b'.split(' '),
  '[[:alpha:]] [![:alnum:]] [[:punct:][:digit:]] [[:upper:]a] [[:nonsense:]] [[:alpha] [[:]'.split(' '),
);
const pattern = fc
  .tuple(
    fc.constantFrom('', '', '', '/', '**/', '*/'),
    fc.array(fc.constantFrom(...tokens), { minLength: 1, maxLength: 5 }).map((parts) => parts.join('')),
    fc.constantFrom('', '', '', '/', '/***', '/**', '/*'),
  )
  .map((parts) => parts.join(''))
  .filter((text) => !text.startsWith(' '));
const rule = fc
  .tuple(fc.constantFrom('-', '-', '+'), pattern)
  .map(([sign, text]) => `${sign} ${text}` as FilterRule);

test('the rules take what rsync takes', (t) => {
  const target = tempDirectory(t, 'target');
  fc.assert(
    fc.property(
      fc.uniqueArray(path, { minLength: 20, maxLength: 60 }),
      fc.array(fc.array(rule, { minLength: 1, maxLength: 4 }), { minLength: 12, maxLength: 12 }),
      (paths, ruleSets) => {
        const tree = tempTree(t);
        try {
          // A path that others lie below is a directory, and so is every third of the rest.
          const directories = new Set(
            paths.flatMap((each) => [...ancestorsOf(each)]).concat(paths.filter((_, i) => i % 3 === 0)),
          );
          directories.delete(ROOT);
          const all = [...new Set([...paths, ...directories])];
          for (const each of all) {
            if (directories.has(each)) tree.makeDirectory(each);
            else tree.write(each, '');
          }
          for (const rules of ruleSets) {
            const taken = all
              .filter((each) => !loadAddon().matchFilter(rules, each, directories.has(each)).excluded)
              .sort();
            assert.deepEqual(taken, takenByRsync(tree, target, rules));
          }
        } finally {
          tree.remove('');
        }
      },
    ),
    { numRuns: 8 },
  );
});

test('a match names its rule', () => {
  const rules: FilterRule[] = ['+ keep', '- cache/', '- *.tmp'];
  const { matchFilter } = loadAddon();
  assert.deepEqual(matchFilter(rules, 'a/cache/x', false), { excluded: true, rule: 1 });
  assert.deepEqual(matchFilter(rules, 'a/cache', false), { excluded: false, rule: -1 });
  assert.deepEqual(matchFilter(rules, 'a/x.tmp', false), { excluded: true, rule: 2 });
  assert.deepEqual(matchFilter(rules, 'keep', false), { excluded: false, rule: 0 });
  assert.deepEqual(matchFilter(rules, '', true), { excluded: false, rule: -1 });
});
