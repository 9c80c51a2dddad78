import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadConfig } from '../../../src/config/load.js';
import { ConfigError } from '../../../src/core/errors.js';

/** Writes sync.json with SOURCE replaced by a directory that exists. */
const written = async (
  t: TestContext,
  text: string | Uint8Array,
): Promise<{ file: string; source: string }> => {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'config-')));
  t.after(() => rm(root, { recursive: true }));
  const source = join(root, 'source');
  await mkdir(source);
  const file = join(root, 'sync.json');
  await writeFile(file, typeof text === 'string' ? text.replace('SOURCE', source) : text);
  return { file, source };
};

/** The lines that a user gets, without the folder of the file. */
const linesOf = async (t: TestContext, text: string | Uint8Array): Promise<string[]> => {
  const { file } = await written(t, text);
  const error = await loadConfig(file).then(
    () => assert.fail('it was accepted'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ConfigError);
  return error.message.replaceAll(file, 'sync.json').split('\n');
};

test('comments, trailing commas and a byte order mark are allowed', async (t) => {
  const { file, source } = await written(
    t,
    '\uFEFF{\n  // the pictures\n  "source": "SOURCE", /* and where they go */\n  "targets": ["rsync://h/m",],\n}\n',
  );
  const config = await loadConfig(file);
  assert.equal(config.file, file);
  assert.equal(config.source, source);
  assert.deepEqual(
    config.targets.map(({ name }) => name),
    ['h/m'],
  );
});

test('faults come in the order of the file, with line and column', async (t) => {
  const text = `{
  "soruce": 1,
  "targets": [
    "rsync://h/m",
    { "url": "rsync://h:99999/m" },
      { "url": "rsync://h/m/a" }
  ],
  "batch": { "maxPaths": -1 },
  "batch": { "lingerMs": -1 }
}
`;
  assert.deepEqual(await linesOf(t, text), [
    'sync.json:1:1: /source: is missing: expected the absolute path of the directory to replicate',
    'sync.json:2:3: /soruce: unknown key; did you mean "source"?',
    'sync.json:5:7: /targets/1/url: expected a port from 1 to 65535 behind the host',
    'sync.json:6:7: /targets/2: lies inside /targets/0 (rsync://h/m): each would delete what the other sends',
    'sync.json:9:3: /batch: is given twice',
    'sync.json:9:14: /batch/lingerMs: expected a whole number of ms from 0 to 10000, got -1',
  ]);
});

test('a key given twice is refused although the rest is right', async (t) => {
  const text = '{"source":"SOURCE",\n"targets":["rsync://h/m"],\n"settleMs":1, "settleMs":2}';
  assert.deepEqual(await linesOf(t, text), ['sync.json:3:15: /settleMs: is given twice']);
});

for (const [what, text, expected] of [
  ['an empty file', '', /^sync\.json:1:1: broken JSON: value expected$/],
  ['only a comment', '// nothing\n', /^sync\.json:\d:\d+: broken JSON: value expected$/],
  ['a missing comma', '{\n  "a": 1\n  "b": 2\n}', /^sync\.json:3:3: broken JSON: comma expected$/],
  ['a file that ends early', '{\n  "a": [1,', /^sync\.json:2:\d+: broken JSON: /],
  ['single quotes', "{ 'a': 1 }", /^sync\.json:1:3: broken JSON: invalid symbol$/],
  ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), /^sync\.json: is not text in UTF-8$/],
  ['a list', '[]', /^sync\.json:1:1: expected an object, got a list$/],
] as const) {
  test(`broken: ${what}`, async (t) => {
    const lines = await linesOf(t, text);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', expected);
  });
}

test('a file that is not there or is a directory', async (t) => {
  const { file } = await written(t, '{}');
  await assert.rejects(
    loadConfig(`${file}.old`),
    new RegExp(`^ConfigError: ${file}.old: there is no such file$`),
  );
  await assert.rejects(loadConfig(join(file, '..')), /is a directory, expected a file/);
});
