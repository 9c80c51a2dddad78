import assert from 'node:assert/strict';
import { test } from 'node:test';
import { patternsOf } from '../../../../src/config/import/regex-pattern.js';
import { run } from '../../../support/run.js';
import { tempTree } from '../../../support/temp-tree.js';

const translations: readonly (readonly [regex: string, ...patterns: string[]])[] = [
  ['(.*)\\.svn', '*.svn'],
  ['(.*)\\.gz', '*.gz'],
  ['^info/*', '/info'],
  ['^static/*', '/static'],
  ['.*\\.(tmp|swp)$', '*.tmp', '*.swp'],
  ['^(.*)\\.jpe?g$', '*.jpg', '*.jpeg'],
  ['^info/(.*)', '/info/*'],
  ['info', '/info'],
  ['(.*)/cache/(.*)', 'cache/*'],
  ['(.*)cache(.*)', '*cache*'],
  ['(.*)/\\.git(.*)', '.git*'],
  ['^/a/b/.*', '/a/b/*'],
  ['^a/.*/c$', '/a/**/c'],
  ['(.*)a(.*)b', '**a**b'],
  ['(.*)/a/(.*)/b', 'a/**/b'],
  ['[^/]*\\.log', '/*.log'],
  ['(.*)/[^/]+\\.log', '?*.log'],
  ['a/.+/c', '/a/?**/c'],
  ['.*[0-9]{2}\\.tif', '*[0-9][0-9].tif'],
  ['.*\\d\\.tif', '*[0-9].tif'],
  ['(.*)[^a-c]\\.x', '*[^a-c].x'],
  ['.*\\.ph.', '*.ph?'],
  ['(?:a|b)/x', '/a/x', '/b/x'],
  ['^(x|y$)', '/x', '/y'],
  ['(.*?)\\.bak', '*.bak'],
  ['(.*)(.*)\\.o', '*.o'],
  ['(.*)', '*'],
  ['^tmp/', '/tmp/'],
  ['(.*)/tmp/', 'tmp/'],
  ['图片/.*', '/图片/*'],
  ['a\\*b\\\\c\\[\\?', '/a[*]b[\\\\]c[[][?]'],
  ['[!x]y', '/[x!]y'],
  ['[!]y', '/!y'],
  ['\\+ x', '/+ x'],
  ['(.*)/- x', '[-] x'],
  ['a.+', '/a?*', '/a/*'],
  ['.+\\.svn', '*.svn'],
];

for (const [regex, ...patterns] of translations)
  test(`${regex} is ${patterns.join(', ')}`, () => {
    assert.deepEqual(patternsOf(regex), { patterns });
  });

for (const [regex, fault] of [
  ['*.php', /no regular expression/],
  ['(a', /not closed/],
  ['a)', /was not opened/],
  ['[a', /not closed/],
  ['a\\', /ends in a backslash/],
  ['^(?!.*\\.jpg$).*', /look-ahead/],
  ['(ab)*c', /repeat a group/],
  ['a*b', /repeat/],
  ['[a-z]+\\.c', /repeat/],
  ['(a)\\1', /no "\\1"/],
  ['\\bfoo', /no "\\b"/],
  ['a^b', /never matches/],
  ['a$b', /never matches/],
  ['[图片]x', /no "\[图片\]"/],
  ['(a|b)(c|d)(e|f)(g|h)(i|j)(k|l)(m|n)', /more than 64/],
  ['', /matches no name/],
  ['/', /matches no name/],
] as const)
  test(`${JSON.stringify(regex)} is not translated`, () => {
    const translation = patternsOf(regex);
    assert.ok('fault' in translation, JSON.stringify(translation));
    assert.match(translation.fault, fault);
  });

const files = [
  ...['a.gz', 'a.gz.txt', 'gz', '.svn', 'info', 'x.svn/entries', 'd/.svn/entries', 'cache', 'photo.log'],
  ...['static/x.css', 'static/deep/y.css', 'd/static/x.css', 'information/x', 'd/info', 'd/e/info/x'],
  ...['d/cache/x', 'd/cache/e/y', 'd/mycache/x', 'd/cached', 'd/e/photo.log', 'a/b/c', 'a/x/y/c', 'a/c'],
  ...[
    'z/a/q/b',
    'tmp/x',
    'd/tmp/x',
    'd/tmpx',
    '12.tif',
    'd/7.tif',
    'x1.tif',
    'photo.jpeg',
    'd/photo.jpg',
    'axb',
  ],
  ...['a*b\\c[?', '图片/一.jpg', 'd/.github/x', 'ab/cc', 'a.b'],
];

/** Whether sersync left the file out: its own path or a directory above matches in one of the forms that it tried. */
const wasExcluded = (regex: RegExp, file: string): boolean => {
  const names = file.split('/');
  return names.some((_name, index) => {
    const path = names.slice(0, index + 1).join('/');
    const isDirectory = index < names.length - 1;
    return [path, `/${path}`, ...(isDirectory ? [`${path}/`, `/${path}/`] : [])].some((form) =>
      regex.test(form),
    );
  });
};

test('real rsync leaves out what the expressions matched', async (t) => {
  const tree = tempTree(
    t,
    Object.fromEntries(
      files
        .filter((file) => file !== 'info' && file !== 'cache')
        .map((file) => [Buffer.from(file).toString('latin1'), '']),
    ),
  );
  for (const [regex] of translations) {
    const translation = patternsOf(regex);
    assert.ok('patterns' in translation);
    const listed = await run('rsync', [
      '-r',
      '-8',
      '--list-only',
      ...translation.patterns.map((pattern) => `--exclude=${pattern}`),
      `${tree.path}/`,
    ]);
    const kept = new Set(listed.split('\n').map((line) => line.replace(/^(?:\S+\s+){4}/, '')));
    const whole = new RegExp(`^(?:${regex})$`, 'su');
    for (const file of files) {
      if (file === 'info' || file === 'cache') continue;
      assert.equal(kept.has(file), !wasExcluded(whole, file), `${regex}: ${file}`);
    }
  }
});
