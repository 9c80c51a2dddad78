import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Change, packChanges, unpackChanges } from '../../src/core/change.js';
import { asRelPath } from '../../src/core/path.js';
import type { Target } from '../../src/core/target.js';
import { acknowledged, entries, poolFor, request } from '../support/batches.js';
import { compareTrees } from '../support/compare-trees.js';
import { rsyncDaemon } from '../support/rsync-daemon.js';
import { atEnd, type Scope } from '../support/scope.js';
import { targetOf } from '../support/targets.js';
import { tempDirectory, tempTree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

/** An rsync that notes for each call how it was told the paths. @param before a command that runs first, in the source */
const notingRsync = (t: Scope, before = '') => {
  const program = join(tempDirectory(t), 'rsync');
  writeFileSync(
    program,
    `#!/bin/sh
case " $* " in
  *' --files-from=- '*) echo list ;;
  *' --relative '*) echo arguments ;;
esac >> "$0.calls"
${before}
exec rsync "$@"
`,
    { mode: 0o755 },
  );
  return { program, calls: () => readFileSync(`${program}.calls`, 'utf8').trim().split('\n') };
};

const withRsync = (target: Target, path: string, extra: Partial<Target['rsync']> = {}): Target => ({
  ...target,
  standby: 'off',
  rsync: { ...target.rsync, path, ...extra },
});

const oddNames = [
  '-x',
  '--delete',
  '#a',
  ';b',
  '*',
  '?[a]',
  ' ',
  'a:b',
  '$(id)',
  '\'"',
  'back\\slash',
  'line\nbreak',
  Buffer.from('图').toString('latin1'),
];
test('a long batch is told by arguments, and does the same as a list', async (t) => {
  for (const listsOnly of [undefined, true] as const) {
    const { program, calls } = notingRsync(t);
    const many = Array.from({ length: 100 }, (_, i) => `deep/er/d${i % 5}/f${i}`);
    const files = [...many, ...oddNames.map((name) => `odd/${name}`), ...oddNames];
    const source = tempTree(t, Object.fromEntries(files.map((path) => [path, `of ${path}`])));
    source.link('link', 'odd');
    const daemon = await rsyncDaemon(t);
    for (const path of ['gone/x', '-gone', 'deep/er/d1/f1/was-a-directory', 'link/x'])
      daemon.tree.write(path, 'x');
    const changes = entries(...files, 'link', 'gone', '-gone');
    const target = withRsync(targetOf(daemon), program, listsOnly === true ? { listsOnly } : {});
    const { stuck, stats } = acknowledged(await poolFor(t).submit(request(source, target, changes)).outcome);
    assert.deepEqual(stuck, []);
    assert.equal(stats.files, files.length);
    assert.deepEqual(await compareTrees(source.path, daemon.path), []);
    assert.deepEqual(new Set(calls()), new Set([listsOnly === true ? 'list' : 'arguments']));
  }
});

test('directories go as arguments; few entries, subtrees and names that are no UTF-8 in a list', async (t) => {
  const { program, calls } = notingRsync(t);
  const source = tempTree(t, { 'dir/file': '1', 'tree/a/b': '2', single: '3' });
  const raw = Buffer.concat([Buffer.from(`${source.path}/dir/`), Buffer.from([0xe9])]);
  const daemon = await rsyncDaemon(t);
  daemon.tree.write('dir/extra', 'x');
  const target = withRsync(targetOf(daemon), program);
  const pool = poolFor(t);
  const send = async (...changes: Change[]) =>
    acknowledged(await pool.submit(request(source, target, changes)).outcome);
  await send({ kind: 'entry', path: asRelPath('single') });
  assert.deepEqual(calls(), ['list']);
  await send({ kind: 'directory', path: asRelPath('dir') });
  assert.deepEqual(calls(), ['list', 'arguments']);
  await send({ kind: 'tree', path: asRelPath('tree') });
  assert.deepEqual(calls(), ['list', 'arguments', 'list']);
  assert.deepEqual(await compareTrees(source.path, daemon.path), []);

  writeFileSync(raw, 'raw');
  const hundred = Array.from({ length: 100 }, (_, i) => `d${i}`);
  for (const path of hundred) source.write(path, path);
  await send(...entries(...hundred, 'dir/\xe9'));
  assert.deepEqual(calls().slice(3), ['list']);
  assert.deepEqual(await compareTrees(source.path, daemon.path), []);
});

test('what the kernel does not take as arguments goes in a list', async (t) => {
  const { program, calls } = notingRsync(t);
  // The kernel allows a quarter of the stack's limit; children inherit this one.
  const ofThis = ['--pid', String(process.pid)];
  const before = execFileSync(
    'prlimit',
    [...ofThis, '--stack', '--noheadings', '--raw', '--output=SOFT,HARD'],
    {
      encoding: 'utf8',
    },
  );
  atEnd(t, () => execFileSync('prlimit', [...ofThis, `--stack=${before.trim().replace(' ', ':')}`]));
  execFileSync('prlimit', [...ofThis, `--stack=${1024 ** 2}:`]);
  const names = Array.from({ length: 2000 }, (_, i) => `d${i % 3}/${'long-name-'.repeat(20)}${i}`);
  const source = tempTree(t, Object.fromEntries(names.map((name) => [name, name])));
  const daemon = await rsyncDaemon(t);
  const target = withRsync(targetOf(daemon), program);
  const { stuck } = acknowledged(
    await poolFor(t).submit({ ...request(source, target, []), changes: packChanges(entries(...names)) })
      .outcome,
  );
  assert.deepEqual(stuck, []);
  assert.deepEqual(calls(), ['list']);
  assert.deepEqual(await compareTrees(source.path, daemon.path), []);
});

test('a source that is moved away while it is sent is sent to its end, and nothing is deleted', async (t) => {
  for (const swapped of [false, true]) {
    const folder = tempDirectory(t);
    const files = Array.from({ length: 40 }, (_, i) => `d${i % 4}/f${i}`);
    const source = tempTree(t);
    for (const file of files) source.write(file, 'x'.repeat(20_000));
    const daemon = await rsyncDaemon(t);
    daemon.tree.write('d3/extra', 'x');
    const target = withRsync({ ...targetOf(daemon), bandwidthLimit: '400k' }, 'rsync');
    const changes: Change[] = [0, 1, 2, 3].map((n) => ({ kind: 'directory', path: asRelPath(`d${n}`) }));
    const { outcome } = poolFor(t).submit(request(source, target, changes));
    await waitFor(() => files.some((file) => daemon.tree.has(file)), { what: 'the first file' });
    const away = join(folder, 'away');
    renameSync(source.path, away);
    // Another one in its place, as an unmounted file system leaves behind.
    if (swapped) mkdirSync(source.path);
    const { stuck, deferred } = acknowledged(await outcome);
    if (swapped) rmdirSync(source.path);
    renameSync(away, source.path);
    assert.deepEqual([stuck, deferred.length], [[], 0]);
    assert.equal(daemon.tree.has('d3/extra'), false);
    for (const file of files) assert.equal(daemon.tree.read(file).length, 20_000, file);
  }
});

test('what moves before rsync gets to it is named as in a list: it is looked at again', async (t) => {
  const { program, calls } = notingRsync(t, '[ -f d ] || { rm -r d && echo file > d; }');
  const files = Array.from({ length: 100 }, (_, i) => `d/f${i}`);
  const source = tempTree(t, { ...Object.fromEntries(files.map((file) => [file, 'x'])), other: '1' });
  const daemon = await rsyncDaemon(t);
  const target = withRsync(targetOf(daemon), program);
  const { stuck, deferred } = acknowledged(
    await poolFor(t).submit(request(source, target, entries(...files, 'other'))).outcome,
  );
  assert.equal(calls()[0], 'arguments');
  assert.deepEqual(stuck, []);
  assert.deepEqual(Array.from(unpackChanges(deferred), ({ path }) => path as string).sort(), files.sort());
  assert.equal(daemon.tree.read('other').toString(), '1');
});
