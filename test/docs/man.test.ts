import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { imgsyncFast } from '../support/command-line.js';
import { unlessThere } from '../support/programs.js';

const pages = ['man/imgsync-fast.1', 'man/imgsync-fast.json.5'];

for (const page of pages) {
  test(`${page}: groff has no warning`, { skip: unlessThere('groff') }, () => {
    const { status, stderr } = spawnSync('groff', ['-man', '-ww', '-z', '-Tutf8', page], {
      encoding: 'utf8',
    });
    assert.deepEqual([status, stderr], [0, '']);
  });

  test(`${page}: mandoc has no warning`, { skip: unlessThere('mandoc') }, () => {
    const { status, stdout } = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', page], {
      encoding: 'utf8',
    });
    assert.deepEqual([status, stdout], [0, '']);
  });
}

test('the pages name every command, option and key', () => {
  const [commands = '', config = ''] = pages.map((page) =>
    readFileSync(page, 'utf8')
      .replace(/\\f[BR]/g, '')
      .replaceAll('\\-', '-'),
  );
  const { stdout: help } = imgsyncFast('--help');
  const words = [...help.matchAll(/^ {2}(?:-\w, )?(--[\w-]+|[a-z]+(?= ))/gm)].map(([, word = '']) => word);
  assert.ok(words.length > 10, words.join());
  for (const word of words.filter((name) => name !== 'imgsync')) assert.ok(commands.includes(word), word);
  assert.match(commands, /^\.SH EXIT STATUS$/m);
  assert.match(commands, /^\.SH SIGNALS$/m);
  const schema = JSON.parse(readFileSync('sync.schema.json', 'utf8'));
  for (const key of Object.keys(schema.properties)) assert.ok(config.includes(`\n${key}\n`), key);
});
