import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (file: string): string => readFileSync(file, 'utf8');
const twins = [
  ['README.md', 'README.zh-CN.md'],
  ...readdirSync('docs/zh-CN').map((name) => [`docs/${name}`, `docs/zh-CN/${name}`]),
] as const;

/** Code of a page, which is the same in every language but for its comments. */
const codeOf = (page: string): string[] =>
  [...read(page).matchAll(/^```(\w*)\n([\s\S]*?)^```/gm)].map(
    ([, language, code = '']) => `${language}\n${code.replace(/\s+# .*$/gm, '')}`,
  );

const proseOf = (page: string): string => read(page).replace(/^```[\s\S]*?^```/gm, '');

/** Levels of the headings and, where one begins with a number, that number. */
const headingsOf = (page: string): string[] =>
  [...proseOf(page).matchAll(/^(#+) (\d*)/gm)].map(([, level = '', number = '']) => `${level} ${number}`);

/** Codes, states and keys in the first column of each table row, and how many columns it has. */
const rowsOf = (page: string): string[] =>
  proseOf(page)
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => {
      const cells = line.split(/(?<!\\)\|/).slice(1, -1);
      const [, code = ''] = /^ `([A-Z_]+|[a-z-]+)` $/.exec(cells[0] ?? '') ?? [];
      return `${cells.length} ${code}`;
    });

const listsOf = (page: string): number => [...proseOf(page).matchAll(/^(?:- |\d+\. )/gm)].length;

for (const [page = '', twin = ''] of twins) {
  test(`${twin} has the parts of ${page}`, () => {
    assert.deepEqual(headingsOf(twin), headingsOf(page), 'headings');
    assert.deepEqual(codeOf(twin), codeOf(page), 'code');
    assert.deepEqual(rowsOf(twin), rowsOf(page), 'rows of tables');
    assert.equal(listsOf(twin), listsOf(page), 'items of lists');
    assert.ok(read(page).includes(`(${twin.replace(/^docs\//, '')})`), `${page} leads to ${twin}`);
  });
}

test('the pages that a start needs are there in Chinese', () => {
  const names = twins.map(([, twin]) => twin);
  for (const name of ['README.zh-CN.md', 'docs/zh-CN/first-run.md', 'docs/zh-CN/troubleshooting.md'])
    assert.ok(names.includes(name), name);
});
