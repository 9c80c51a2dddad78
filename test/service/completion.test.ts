import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { imgsyncFast } from '../support/command-line.js';
import { unlessThere } from '../support/programs.js';
import { tempDirectory, tempTree } from '../support/temp-tree.js';

const scriptFor = (t: TestContext, shell: string): string => {
  const { code, stdout, stderr } = imgsyncFast('completion', shell);
  assert.deepEqual([code, stderr], [0, '']);
  const file = join(tempDirectory(t), `completion.${shell}`);
  writeFileSync(file, stdout);
  return file;
};

const ask = `source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_imgsync_fast
printf '%s\\n' "\${COMPREPLY[@]}"`;

test('bash completes commands, options, choices and files', (t) => {
  const file = scriptFor(t, 'bash');
  const tree = tempTree(t, { 'sync one.json': '', 'sync.json': '' });
  const complete = (...words: readonly string[]): string[] => {
    const { stdout, stderr } = spawnSync('bash', ['-c', ask, 'bash', file, 'imgsync-fast', ...words], {
      encoding: 'utf8',
      cwd: tree.path,
    });
    assert.equal(stderr, '');
    return stdout.split('\n').filter((line) => line !== '');
  };
  const commands = complete('');
  for (const name of ['check', 'import', 'deletes', 'service', 'completion'])
    assert.ok(commands.includes(name), name);
  assert.ok(!commands.includes('manual'), 'it is hidden');
  for (const [words, expected] of [
    [['del'], ['deletes']],
    [
      ['deletes', ''],
      ['list', 'approve', 'reject'],
    ],
    [['deletes', 'a'], ['approve']],
    [['-c', 'sync.json', 'deletes', 'r'], ['reject']],
    [['deletes', 'list', ''], []],
    [
      ['deletes', 'list', '--'],
      ['--config', '--target', '--json', '--help'],
    ],
    [['service', ''], ['print']],
    [['service', 'print', '--t'], ['--template']],
    [
      ['--log-level', ''],
      ['trace', 'debug', 'info', 'warn', 'error'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [
      ['check', '--config', 'sync'],
      ['sync one.json', 'sync.json'],
    ],
    [['import', 'sync.'], ['sync.json']],
  ] as const)
    assert.deepEqual(complete(...words).sort(), [...expected].sort(), words.join(' '));
});

test('zsh can read its script', { skip: unlessThere('zsh') }, (t) => {
  const { status, stderr } = spawnSync('zsh', ['-n', scriptFor(t, 'zsh')], { encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, '']);
});

test('fish completes commands, options and choices', { skip: unlessThere('fish') }, (t) => {
  const file = scriptFor(t, 'fish');
  const complete = (line: string): string[] => {
    const { status, stdout, stderr } = spawnSync(
      'fish',
      ['--no-config', '-c', 'source $argv[1]; complete -C $argv[2]', file, line],
      { encoding: 'utf8', env: { ...process.env, HOME: tempDirectory(t) } },
    );
    assert.deepEqual([status, stderr], [0, '']);
    return stdout
      .split('\n')
      .filter((row) => row !== '')
      .map((row) => row.split('\t')[0] ?? '');
  };
  assert.deepEqual(complete('imgsync-fast del'), ['deletes']);
  assert.deepEqual(complete('imgsync-fast deletes ').sort(), ['approve', 'list', 'reject']);
  assert.deepEqual(complete('imgsync-fast service print --te'), ['--template']);
  assert.deepEqual(complete('imgsync-fast completion z'), ['zsh']);
});

test('another shell is refused with those that there are', () => {
  const { code, stderr } = imgsyncFast('completion', 'csh');
  assert.equal(code, 64);
  assert.match(stderr, /Allowed choices are bash, zsh, fish/);
});
