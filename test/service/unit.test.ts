import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { unitText } from '../../src/cli/service/unit.js';
import { imgsyncFast } from '../support/command-line.js';
import { unlessThere } from '../support/programs.js';
import { tempDirectory } from '../support/temp-tree.js';

// Only read here. A systemd that really starts units cleans up the machine it finds itself on, /tmp first: that needs a
// container of its own, and the messages are looked at in notify.test.ts.

const names = ['imgsync-fast.service', 'imgsync-fast@.service'] as const;
const keyOf = (unit: string, key: string): string[] =>
  [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value);

for (const name of names) {
  const args = name.includes('@') ? ['--template'] : [];

  test(`service print: systemd accepts ${name}, with the programs of this installation`, {
    skip: unlessThere('systemd-analyze'),
  }, (t) => {
    const { code, stdout, stderr } = imgsyncFast('service', 'print', ...args, '--user', 'backup');
    assert.deepEqual([code, stderr], [0, '']);
    assert.deepEqual(keyOf(stdout, 'User'), ['backup']);
    const [start = ''] = keyOf(stdout, 'ExecStart');
    const [node = '', program = ''] = start.split(' ');
    assert.equal(node, process.execPath);
    assert.ok(existsSync(program), program);
    assert.match(start, / --config \/etc\/imgsync-fast\/(?:config|%i)\.json$/);
    const file = join(tempDirectory(t), name);
    writeFileSync(file, stdout);
    const verified = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
    assert.deepEqual([verified.status, verified.stderr], [0, '']);
  });

  test(`${name}: what the process counts on`, () => {
    const unit = readFileSync(join('deploy/systemd', name), 'utf8');
    assert.deepEqual(keyOf(unit, 'Type'), ['notify']);
    assert.deepEqual(keyOf(unit, 'RestartPreventExitStatus'), ['64 78']);
    // V8 writes code.
    assert.deepEqual(keyOf(unit, 'MemoryDenyWriteExecute'), []);
    const schema = JSON.parse(readFileSync('sync.schema.json', 'utf8'));
    assert.ok(
      Number(keyOf(unit, 'TimeoutStopSec')[0]) > schema.properties.stopTimeoutSeconds.default,
      'the default of stopTimeoutSeconds fits in',
    );
  });
}

test('both units differ in nothing but the instance', () => {
  const [single = '', template = ''] = names.map((name) =>
    readFileSync(join('deploy/systemd', name), 'utf8'),
  );
  const keys = (unit: string) => unit.split('\n').filter((line) => /^\w/.test(line));
  const other = keys(template).filter((line) => !keys(single).includes(line));
  assert.deepEqual(
    other.map((line) => line.split('=')[0]),
    ['Description', 'ExecStart', 'SyslogIdentifier', 'RuntimeDirectory'],
  );
});

test('paths with blanks and signs of systemd stay what they are', () => {
  const text = unitText({
    root: '.',
    command: ['/opt/my node/node', '/opt/100%/$HOME/main.js'],
    isTemplate: false,
    config: '/etc/a b.json',
  });
  assert.deepEqual(keyOf(text, 'ExecStart'), [
    '"/opt/my node/node" /opt/100%%/$$HOME/main.js --config "/etc/a b.json"',
  ]);
});

test('a name that is none is refused', () => {
  const { code, stderr } = imgsyncFast('service', 'print', '--user', 'a b');
  assert.equal(code, 64);
  assert.match(stderr, /It is no name of a user/);
});
