import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { imgsyncFast, mainScript } from '../support/command.js';
import { tempDirectory } from '../support/temp-tree.js';

test('--version prints the one of the package', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  assert.deepEqual(await imgsyncFast('--version'), { code: 0, stdout: `${version}\n`, stderr: '' });
});

test('--help names every option, every exit code and the reference', async () => {
  const { code, stdout, stderr } = await imgsyncFast('--help');
  assert.equal(code, 0);
  assert.equal(stderr, '');
  for (const word of [
    '--config',
    '--log-level',
    '--no-initial-sync',
    '--hooks-only',
    'check',
    'doctor',
    'Examples:',
    'configuration.md',
  ])
    assert.ok(stdout.includes(word), word);
  for (const exitCode of [0, 1, 64, 69, 70, 78, 130, 143])
    assert.match(stdout, new RegExp(`\\b${exitCode}\\b`));
});

for (const [what, args, message] of [
  ['nothing', [], /--config <file>' not specified/],
  ['check without a file', ['check'], /--config <file>' not specified/],
  ['an unknown option', ['-c', 'x', '--fast'], /unknown option '--fast'/],
  ['an unknown word', ['-c', 'x', 'go'], /too many arguments/],
  [
    'an unknown level',
    ['-c', 'x', '--log-level', 'loud'],
    /Allowed choices are trace, debug, info, warn, error/,
  ],
] as const) {
  test(`a wrong command line ends with 64: ${what}`, async () => {
    const { code, stdout, stderr } = await imgsyncFast(...args);
    assert.equal(code, 64);
    assert.equal(stdout, '');
    assert.match(stderr, message);
    assert.match(stderr, /imgsync-fast --help/);
  });
}

for (const [args, ...lines] of [
  [['-r', '-d', '-o', 'confxml.xml'], /^-r .*first sync is the default/, /^-d .*systemd/, /^-o .*import/],
  [['-dro', '/opt/confxml.xml'], /^-d /, /^-r /, /^-o /],
  [['-n', '12'], /^-n .*maxRsyncs/],
  [['-n12'], /^-n /],
  [['-m', 'refreshCDN'], /^-m .*--hooks-only/],
  [['-c', 'sync.json', '-r'], /^-r /],
] as const) {
  test(`an option of sersync is answered in a line: ${args.join(' ')}`, async () => {
    const { code, stderr } = await imgsyncFast(...args);
    assert.equal(code, 64);
    const said = stderr.trimEnd().split('\n').slice(0, -1);
    assert.equal(said.length, lines.length, stderr);
    for (const [index, line] of lines.entries()) assert.match(said[index] ?? '', line);
  });
}

/** A sync.json; SOURCE stands for a directory that exists. */
const configFile = (t: Parameters<typeof tempDirectory>[0], content: string): string => {
  const folder = tempDirectory(t);
  mkdirSync(join(folder, 'source'));
  const file = join(folder, 'sync.json');
  writeFileSync(file, content.replace('SOURCE', join(folder, 'source')));
  return file;
};

for (const args of [
  ['check', '--config'],
  ['check', '-c'],
  ['--check', '--config'],
]) {
  test(`${args.join(' ')} FILE says that a configuration is right`, async (t) => {
    const file = configFile(t, '{ "source": "SOURCE", "targets": ["rsync://h/m"] } // fine');
    assert.deepEqual(await imgsyncFast(...args, file), { code: 0, stdout: `${file}: ok\n`, stderr: '' });
  });
}

for (const args of [['check', '-c'], ['-c']]) {
  test(`${args.join(' ')} FILE ends with 78 and one line for each fault`, async (t) => {
    const file = configFile(t, '{\n  "source": "SOURCE",\n  "targets": [],\n  "exlude": []\n}');
    assert.deepEqual(await imgsyncFast(...args, file), {
      code: 78,
      stdout: '',
      stderr:
        `${file}:3:3: /targets: expected at least one target, got a list\n` +
        `${file}:4:3: /exlude: unknown key; did you mean "exclude"?\n`,
    });
  });
}

for (const args of [['check', '-c'], ['-c']]) {
  test(`${args.join(' ')} FILE ends with 69 when the source alone is not there: it may be mounted yet`, async (t) => {
    const file = configFile(t, '{\n  "source": "/no/such/place",\n  "targets": ["rsync://h/m"]\n}');
    assert.deepEqual(await imgsyncFast(...args, file), {
      code: 69,
      stdout: '',
      stderr:
        `${file}:2:3: /source: /no/such/place: there is no such file or directory: ` +
        'is it mounted, and may this user read it? (SOURCE_MISSING)\n',
    });
  });

  test(`${args.join(' ')} FILE ends with 78 when the source is not there and something is wrong`, async (t) => {
    const file = configFile(t, '{\n  "source": "/no/such/place",\n  "targets": ["rsync://h/m"], "x": 1\n}');
    const { code, stderr } = await imgsyncFast(...args, file);
    assert.equal(code, 78);
    assert.match(stderr, /:2:3: \/source: .*\n.*:3:31: \/x: unknown key/);
  });
}

test('a file that is not there ends with 78', async () => {
  const { code, stderr } = await imgsyncFast('-c', '/no/such/sync.json');
  assert.equal(code, 78);
  assert.equal(stderr, '/no/such/sync.json: there is no such file\n');
});

test('without the compiled part of lmdb a start says in one line what to do, and leaves the store alone', async (t) => {
  const folder = tempDirectory(t);
  const file = join(folder, 'sync.json');
  const stateDir = join(folder, 'state');
  mkdirSync(join(folder, 'source'));
  mkdirSync(stateDir);
  writeFileSync(join(stateDir, 'digests.mdb'), 'of an earlier run');
  writeFileSync(
    file,
    JSON.stringify({ source: join(folder, 'source'), targets: [join(folder, 'target')], stateDir }),
  );
  // As lmdb looks for it on a processor for which there is none.
  const { status, stdout, stderr } = spawnSync(process.execPath, [mainScript, '--config', file], {
    encoding: 'utf8',
    env: { ...process.env, npm_config_arch: 'none' },
  });
  assert.equal(status, 69);
  const { code, hint, msg } = JSON.parse(stdout);
  assert.equal(code, 'STORE_MISSING');
  assert.match(msg, /lmdb can't be loaded: No native build/);
  assert.match(hint, /npm rebuild lmdb/);
  assert.equal(stderr, '');
  assert.deepEqual(readdirSync(stateDir), ['digests.mdb']);
});
