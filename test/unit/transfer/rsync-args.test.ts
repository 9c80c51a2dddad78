import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RelPath } from '../../../src/core/path.js';
import type { Target, TargetLocation } from '../../../src/core/target.js';
import { rsyncArgs, sshWords } from '../../../src/transfer/rsync-args.js';
import { plainCall, targetAt } from '../../support/targets.js';

const target = (location: TargetLocation, extra: Partial<Target> = {}): Target =>
  targetAt(location, { name: 't', url: '', ...extra });
const daemon = target({
  type: 'daemon',
  host: 'h',
  port: 9381,
  user: undefined,
  module: 'market',
  path: '',
});

test('every call tells same-second rewrites apart, protects excludes and ends its list items with NUL', () => {
  const args = rsyncArgs({ ...plainCall, target: daemon });
  for (const needed of ['--modify-window=-1', '--delete', '--force', '-d', '--from0', '--files-from=-'])
    assert.ok(args.includes(needed), needed);
  assert.deepEqual(args.slice(-2), ['./', 'rsync://h:9381/market/']);
});

test('paths that are arguments stand in the place of the source, and no list is read', () => {
  const args = rsyncArgs({ ...plainCall, target: daemon, paths: ['./a', './b/'] });
  assert.deepEqual(args.slice(-3), [
    '/proc/self/fd/0/././a',
    '/proc/self/fd/0/././b/',
    'rsync://h:9381/market/',
  ]);
  assert.ok(args.includes('--relative') && args.includes('-d'));
  assert.ok(!args.some((arg) => /^--(from0|files-from)/.test(arg)));
});

test('the rules stand before --from0, a directory rule also covers what is below', () => {
  const args = rsyncArgs({
    ...plainCall,
    target: daemon,
    rules: ['+ keep.tmp', '- *.tmp', '- /caf\xc3\xa9/'],
  });
  const at = args.indexOf('--from0');
  const rules = args.filter((arg) => arg.startsWith('--filter='));
  assert.deepEqual(rules, [
    '--filter=+ keep.tmp',
    '--filter=- *.tmp',
    '--filter=- /café/',
    '--filter=- /café/***',
  ]);
  for (const rule of rules) assert.ok(args.indexOf(rule) < at);
});

const deletes = (method: 'missing-args' | 'parent-directory' | 'none') =>
  rsyncArgs({ ...plainCall, target: daemon, deleteMethod: method }).filter((arg) => /delete|force/.test(arg));

test('the way of deleting decides about the options that delete', () => {
  assert.deepEqual(deletes('missing-args'), ['--delete', '--force', '--delete-missing-args']);
  assert.deepEqual(deletes('parent-directory'), ['--delete', '--force']);
  assert.deepEqual(deletes('none'), []);
});

test('a limit of deletes is given to the receiver, where anything is deleted at all', () => {
  const limits = (deleteMethod: 'missing-args' | 'none', maxDelete: number) =>
    rsyncArgs({ ...plainCall, target: daemon, deleteMethod, maxDelete }).filter((arg) =>
      arg.includes('max-delete'),
    );
  assert.deepEqual(limits('missing-args', 7), ['--max-delete=7']);
  assert.deepEqual(limits('missing-args', 0), ['--max-delete=0']);
  assert.deepEqual(limits('missing-args', Number.POSITIVE_INFINITY), []);
  assert.deepEqual(limits('none', 7), []);
});

test('what is kept is protected, whatever its name holds, and stands before the rules', () => {
  const kept = (
    [
      ['entry', 'a/b c'],
      ['entry', 'x[1]*'],
      ['entry', 'back\\slash'],
      ['entry', 'latin\xff1'],
      ['entry', 'caf\xc3\xa9'],
      ['directory', 'd'],
      ['directory', ''],
      ['tree', 'back\\t'],
    ] as const
  ).map(([kind, path]) => ({ kind, path: path as RelPath }));
  const args = rsyncArgs({ ...plainCall, target: daemon, kept, rules: ['- *.tmp'] });
  assert.deepEqual(
    args.filter((arg) => arg.startsWith('--filter=')),
    [
      '--filter=P /a/b c',
      '--filter=P /x\\[1]\\*',
      '--filter=P /back\\slash',
      '--filter=P /latin?1',
      '--filter=P /café',
      '--filter=P /d/*',
      '--filter=P /*',
      '--filter=P /back\\\\t/**',
      '--filter=- *.tmp',
    ],
  );
});

const places: readonly (readonly [TargetLocation, string])[] = [
  [
    { type: 'daemon', host: '::1', port: 873, user: 'sync', module: 'm', path: 'a/b' },
    'rsync://sync@[::1]:873/m/a/b/',
  ],
  [
    { type: 'ssh', host: 'dr.example', port: 22, user: 'deploy', path: '/srv/x y' },
    'deploy@dr.example:/srv/x y/',
  ],
  [{ type: 'local', path: '/backup/material' }, '/backup/material/'],
];
for (const [location, expected] of places)
  test(`the place of a ${location.type} target: ${expected}`, () => {
    assert.equal(rsyncArgs({ ...plainCall, target: target(location) }).at(-1), expected);
  });

test('only a daemon gets a connection timeout: a local target refuses it', () => {
  const has = (location: TargetLocation) =>
    rsyncArgs({ ...plainCall, target: target(location) }).some((arg) => arg.startsWith('--contimeout'));
  assert.ok(has(daemon.location));
  assert.ok(!has({ type: 'local', path: '/x' }));
});

test('the remote shell asks nothing, and its words survive the splitting by rsync', () => {
  const args = rsyncArgs({
    ...plainCall,
    target: target(
      { type: 'ssh', host: 'h', port: 2222, user: undefined, path: '/x' },
      { ssh: { identityFile: "/keys/it's mine", knownHostsFile: undefined, options: ['Compression=no'] } },
    ),
  });
  const rsh = args.find((arg) => arg.startsWith('--rsh='));
  assert.equal(
    rsh,
    "--rsh=ssh -oBatchMode=yes -oConnectTimeout=20 -p 2222 -i '/keys/it''s mine' -oCompression=no",
  );
  assert.ok(args.includes('-s'));
});

test('a connection that is shared: rsyncs go through its socket, and it notices that it died', () => {
  const shared = target(
    { type: 'ssh', host: 'h', port: 2222, user: 'deploy', path: '/x' },
    {
      ssh: {
        identityFile: undefined,
        knownHostsFile: undefined,
        options: ['ServerAliveInterval=5'],
        shareConnection: true,
        socket: '/state/ssh-1',
      },
    },
  );
  const rsh = rsyncArgs({ ...plainCall, target: shared }).find((arg) => arg.startsWith('--rsh='));
  assert.match(rsh ?? '', / -oControlMaster=no -oControlPath=\/state\/ssh-1$/);
  const words = sshWords(shared, '/state/ssh-1');
  assert.deepEqual(words.slice(-3), ['-N', '-T', 'deploy@h']);
  assert.ok(words.includes('-oControlMaster=yes') && words.includes('-oServerAliveInterval=20'));
  // What the operator says comes first, and so it wins.
  assert.ok(words.indexOf('-oServerAliveInterval=5') < words.indexOf('-oServerAliveInterval=20'));
});
