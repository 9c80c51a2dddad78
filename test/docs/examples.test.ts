import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'jsonc-parser';
import { configSchema } from '../../src/config/schema.js';
import { loadAddon } from '../../src/native/addon.js';

const read = (file: string): string => readFileSync(file, 'utf8');
const pages = [
  'README.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' }).map((name) => join('docs', name)),
].filter((name) => name.endsWith('.md'));

test('every configuration that is shown is a valid one', () => {
  const shown = pages.flatMap((page) =>
    [...read(page).matchAll(/^```jsonc\n([\s\S]*?)^```/gm)].map(([, text = '']) => ({ page, text })),
  );
  const examples = readdirSync('examples', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('sync.json'))
    .map((name) => join('examples', name));
  const all = [...shown, ...examples.map((page) => ({ page, text: read(page) }))];
  assert.ok(all.length > 8, `only ${all.length} configurations were found`);
  for (const { page, text } of all) {
    const { error } = configSchema.safeParse(parse(text, [], { allowTrailingComma: true }));
    assert.equal(error, undefined, `${page}:\n${text}`);
  }
});

test('every example runs in a test of its name', () => {
  const tests = readdirSync('test/examples');
  for (const name of readdirSync('examples')) assert.ok(tests.includes(`${name}.test.ts`), name);
});

test('the patterns in filters.md match what the page says', () => {
  const rows = [...read('docs/filters.md').matchAll(/^\| `([^`]+)` \| `([^`]+)` \| (yes|no) \|$/gm)];
  assert.ok(rows.length > 10, `only ${rows.length} rows were found`);
  for (const [, pattern = '', path = '', matches] of rows) {
    const isDirectory = path.endsWith('/');
    const bare = isDirectory ? path.slice(0, -1) : path;
    const { excluded } = loadAddon().matchFilter([`- ${pattern}`], bare, isDirectory);
    assert.equal(excluded, matches === 'yes', `${pattern} against ${path}`);
  }
});
