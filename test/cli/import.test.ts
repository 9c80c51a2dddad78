import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { imgsyncFast } from '../support/command.js';
import { tempDirectory } from '../support/temp-tree.js';

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../test/fixtures/sersync/${name}.xml`, import.meta.url));
const seed = fixture('seed');

test('without -o the configuration goes to standard output, the lint to standard error', async () => {
  const { code, stdout, stderr } = await imgsyncFast('import', seed);
  assert.equal(code, 0);
  assert.match(stdout, /^\/\/ Made by imgsync-fast import from .*seed\.xml;/);
  assert.match(stdout, /"rsync:\/\/x\.x\.x\.71:9381\/market"/);
  assert.ok(stderr.includes(`${seed}:39:9: dropped: commonParams -u: `));
  for (const line of stderr.trimEnd().split('\n'))
    assert.match(line, /^\/.*seed\.xml:\d+:\d+: (?:carried|changed|dropped|not carried): ./);
});

test('--check writes the lint alone, to standard output', async () => {
  const { code, stdout, stderr } = await imgsyncFast('import', '--check', seed);
  assert.equal(code, 0);
  assert.equal(stderr, '');
  assert.ok(stdout.startsWith(`${seed}:1:1: carried: encoding="ISO-8859-1": `));
});

test('-o writes a file that check accepts once its source is there, and never over another', async (t) => {
  const folder = tempDirectory(t, 'import');
  const source = join(folder, 'material');
  const xml = join(folder, 'confxml.xml');
  writeFileSync(
    xml,
    readFileSync(seed, 'utf8').replace('/applications/mios-market-config-rest/material', source),
  );
  const config = join(folder, 'sync.json');
  const first = await imgsyncFast('import', xml, '-o', config);
  assert.equal(first.code, 0);
  assert.equal(first.stdout, `${config}: written\n`);
  assert.ok(
    first.stderr.endsWith(`${config}:3:3: /source: ${source}: there is no such file or directory\n`),
    first.stderr,
  );
  mkdirSync(source);
  assert.deepEqual(await imgsyncFast('check', '-c', config), {
    code: 0,
    stdout: `${config}: ok\n`,
    stderr: '',
  });
  const before = readFileSync(config);
  const second = await imgsyncFast('import', xml, '-o', config);
  assert.equal(second.code, 78);
  assert.match(second.stderr, /sync\.json: is there already/);
  assert.deepEqual(readFileSync(config), before);
});

test('a configuration of lsyncd is told by its content', async (t) => {
  const folder = tempDirectory(t, 'import');
  const lua = join(folder, 'lsyncd.conf');
  writeFileSync(join(folder, 'excludes'), '*.part\n');
  writeFileSync(
    lua,
    `sync { default.rsync, source = "/data", target = "h::m", excludeFrom = "${folder}/excludes" }\n`,
  );
  const { code, stdout, stderr } = await imgsyncFast('import', lua);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /"targets": \["rsync:\/\/h\/m"\]/);
  assert.match(stdout, /"exclude": \["\*\.part"\]/);
  assert.match(stderr, /lsyncd\.conf:1:\d+: carried: sync\.exclude \*\.part/);
});

test('several trees need a file, and get one each', async (t) => {
  const folder = tempDirectory(t, 'import');
  const refused = await imgsyncFast('import', fixture('two-localpaths'));
  assert.equal(refused.code, 78);
  assert.match(refused.stderr, /holds 3 trees, each with a configuration of its own/);
  assert.equal(
    (await imgsyncFast('import', fixture('two-localpaths'), '-o', join(folder, 'sync.json'))).code,
    0,
  );
  assert.deepEqual(readdirSync(folder).sort(), [
    'sync-material-2.json',
    'sync-material-3.json',
    'sync-material.json',
  ]);
});

test('the script of failed changes is read and never run', async (t) => {
  const folder = tempDirectory(t, 'import');
  const script = join(folder, 'rsync_fail_log.sh');
  const proof = join(folder, 'was-run');
  writeFileSync(
    script,
    `#errno 3072\ncd /data/m && rsync -artuz -R "./a/b.jpg" x.x.x.64::market >/dev/null 2>&1 \n\ntouch ${proof}\n`,
    { mode: 0o777 },
  );
  const xml = join(folder, 'confxml.xml');
  writeFileSync(xml, readFileSync(seed, 'utf8').replace('/sersync/rsync_fail_log.sh', script));
  const { code, stdout } = await imgsyncFast('import', '--check', xml);
  assert.equal(code, 0);
  assert.match(stdout, /rsync_fail_log\.sh: it was read, not run: 1 files/);
  assert.ok(stdout.includes(`${script}:   a/b.jpg\n`));
  assert.ok(!existsSync(proof));
});

for (const [what, args, code, message] of [
  ['no file', ['import'], 64, /missing required argument 'file'/],
  ['a file that is not there', ['import', '/no/such.xml'], 78, /^\/no\/such\.xml: can't be read: ENOENT/],
  [
    'broken XML',
    ['import', fixture('broken-quote')],
    78,
    /broken-quote\.xml:30:21: broken XML: unquoted attribute value\n$/,
  ],
] as const)
  test(`import ends with ${code}: ${what}`, async () => {
    const result = await imgsyncFast(...args);
    assert.equal(result.code, code);
    assert.equal(result.stdout, '');
    assert.match(result.stderr, message);
  });
