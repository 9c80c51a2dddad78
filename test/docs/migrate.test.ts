import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (file: string): string => readFileSync(file, 'utf8');

/** The tests that each row of the last table names: what shows the feature. */
const rowsOf = (page: string): string[][] => {
  const [table = ''] = read(page).split(/^## /m).slice(-1);
  return table
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (?:sersync|lsyncd) \|/.test(line))
    .map((line) => [...line.matchAll(/`(test\/[^`]+)`/g)].map(([, file = '']) => file));
};

for (const name of ['migrate-from-sersync', 'migrate-from-lsyncd']) {
  const [page, twin] = [`docs/${name}.md`, `docs/zh-CN/${name}.md`];

  test(`${page}: every feature names tests that are there, and the Chinese page the same ones`, () => {
    const rows = rowsOf(page);
    assert.ok(rows.length > 15, `only ${rows.length} features were found`);
    for (const [index, files] of rows.entries()) {
      assert.ok(files.length > 0, `row ${index + 1} names no test`);
      for (const file of files) assert.ok(existsSync(file), file);
    }
    assert.deepEqual(rowsOf(twin), rows);
  });
}

/** Whether a page names a word of the old configuration, in a span of code. */
const names = (page: string, word: string): boolean =>
  [...page.replace(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`]+)`/g)].some(([, code = '']) =>
    new RegExp(`\\b${word}\\b`).test(code),
  );

test('every element that sersync knows has its place on both pages', () => {
  const shape = read('src/config/import/sersync/shape.ts');
  const [known = ''] = /const head: Shape = \{[\s\S]*?\n\};/.exec(shape) ?? [];
  const inPlugins = known.indexOf('    plugin: {');
  const elements = [
    ...[...known.slice(0, inPlugins).matchAll(/^ +(\w+): (?:\{|toggle|excludes)/gm)].map(
      ([, name = '']) => name,
    ),
    ...(/'(delete createFolder [^']*)'/.exec(known)?.[1]?.split(' ') ?? []),
  ].filter((name) => !['elements', 'exclude', 'sersync'].includes(name));
  assert.ok(elements.length > 20, elements.join());
  for (const page of ['docs/migrate-from-sersync.md', 'docs/zh-CN/migrate-from-sersync.md'])
    assert.deepEqual(
      elements.filter((name) => !names(read(page), name)),
      [],
      page,
    );
});

test('every key of lsyncd that the import knows has its place on both pages', () => {
  const sources = ['sync', 'import-lsyncd'].map((name) => read(`src/config/import/lsyncd/${name}.ts`));
  const keys = sources.flatMap((source) => [
    ...[...source.matchAll(/\.take(?:Text|Table)?\('(\w+)'\)/g)].map(([, key = '']) => key),
    ...[...source.matchAll(/^ {2}\[\s*'(\w+)',/gm)].map(([, key = '']) => key),
  ]);
  keys.push('exclude', 'excludeFrom', 'filter', 'filterFrom');
  assert.ok(new Set(keys).size > 34, [...new Set(keys)].join());
  for (const page of ['docs/migrate-from-lsyncd.md', 'docs/zh-CN/migrate-from-lsyncd.md'])
    assert.deepEqual(
      [...new Set(keys)].filter((key) => !names(read(page), key)),
      [],
      page,
    );
});
