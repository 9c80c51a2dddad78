import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

const read = (file: string): string => readFileSync(file, 'utf8');
const pages = [
  ...readdirSync('.'),
  ...['docs', 'examples', 'deploy'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  ),
].filter((name) => name.endsWith('.md'));

/** Text without code, in which brackets mean something else. */
const proseOf = (page: string): string => read(page).replace(/^```[\s\S]*?^```/gm, '');

/** The anchors of a page, as they are made from its headings. */
const anchorsOf = (page: string): string[] =>
  [...proseOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );

test('every relative link of a page leads to a file, and to a heading that is there', () => {
  let links = 0;
  for (const page of pages) {
    for (const [, link = ''] of proseOf(page)
      .replace(/`[^`\n]*`/g, '')
      .matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      links++;
      const [path = '', anchor] = link.split('#');
      const file = path === '' ? page : normalize(join(dirname(page), path));
      assert.ok(existsSync(file), `${page}: ${link} leads nowhere`);
      if (anchor === undefined) continue;
      assert.ok(
        statSync(file).isFile() && anchorsOf(file).includes(anchor),
        `${page}: no heading for ${link}`,
      );
    }
  }
  assert.ok(links > 50, `only ${links} links were found`);
});

test('every page of docs is in its index', () => {
  const index = read('docs/README.md');
  for (const name of readdirSync('docs', { recursive: true, encoding: 'utf8' }))
    if (name.endsWith('.md') && name !== 'README.md') assert.ok(index.includes(`(${name})`), name);
});

/** Codes of faults, wherever the source makes them up. */
const codesOf = (source: string): string[] => {
  const kinds = /type StuckCode =([^;]*);/.exec(source)?.[1] ?? '';
  return [
    ...source.matchAll(/\bcode(?:\??: string)?(?: =|:)\s*(?:\|\s*)?((?:'[A-Z_]+'(?:\s*\|\s*)?)+)/g),
    ...source.matchAll(/(?:WatchError|[a-z]\w*Failure)\(\s*('[A-Z_]+')/g),
    ...(kinds === '' ? [] : [[kinds, kinds]]),
  ].flatMap(([, group = '']) => [...group.matchAll(/'([A-Z_]+)'/g)].map(([, code = '']) => code));
};

test('troubleshooting.md has every error code of the source, and no other', () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  // Of the addon's messages, `code` is the errno's name.
  const codes = new Set(
    sources.flatMap((name) => codesOf(read(join('src', name)))).filter((code) => !/^E[A-Z]+$/.test(code)),
  );
  for (const known of [
    'CONFIG_INVALID',
    'WATCH_LIMIT_REACHED',
    'AUTH_FAILED',
    'STALLED',
    'PATH_TOO_LONG',
    'SOURCE_REPLACED',
  ])
    assert.ok(codes.has(known), `${known} was not found in the source`);
  const page = read('docs/troubleshooting.md');
  for (const code of codes) assert.ok(page.includes(`\`${code}\``), `${code} is not documented`);
  for (const [, code = ''] of page.matchAll(/^\| `([A-Z_]+)` \|/gm))
    assert.ok(codes.has(code), `${code} is documented, but nothing in the source says it`);
});
