import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareTrees } from '../support/compare-trees.js';
import { startImgsync } from '../support/imgsync.js';
import { rsyncDaemon } from '../support/rsync-daemon.js';
import { tempTree } from '../support/temp-tree.js';

const rules = { exclude: ['*.tmp', '/info/', '.svn/', '/logs/**'], include: ['keep.tmp'] };
const isExcluded = (path: string): boolean =>
  (path.endsWith('.tmp') && !path.endsWith('keep.tmp')) ||
  path === 'info' ||
  path.endsWith('.svn') ||
  path.startsWith('logs/');

test('the first sync deletes what the source lacks; excluded files are neither sent nor deleted', async (t) => {
  const source = tempTree(t, {
    'a/f': 'new',
    'a/g.tmp': 'own',
    'a/keep.tmp': 'sent',
    'a/.svn/entries': 'own',
    'info/x': 'own',
    'sub/info/y': 'sent',
    'logs/today': 'own',
  });
  const daemon = await rsyncDaemon(t);
  const { tree } = daemon;
  tree.write('a/f', 'old and longer');
  tree.write('a/extra/deep/file', 'goes');
  tree.write('a/b.tmp', 'stays');
  tree.write('gone/c.tmp', 'stays with its directory');
  tree.write('gone/d', 'goes');
  tree.write('info/z', 'stays');
  tree.write('logs/yesterday', 'stays');
  const imgsync = startImgsync(t, { source: source.path, targets: [daemon.url], ...rules });
  // A directory that is gone at the source stays as long as it holds something protected.
  const exclude = (path: string) => isExcluded(path) || path === 'gone';
  await imgsync.settled([daemon.path], { exclude });
  const left = await compareTrees(source.path, daemon.path, { ignoreTimes: () => true });
  assert.deepEqual(left.sort(), [
    'a/.svn: missing at the target',
    'a/b.tmp: only at the target',
    'a/g.tmp: missing at the target',
    'gone: only at the target',
    'info/x: missing at the target',
    'info/z: only at the target',
    'logs/today: missing at the target',
    'logs/yesterday: only at the target',
  ]);
  assert.equal(tree.read('gone/c.tmp').toString(), 'stays with its directory');
  assert.throws(() => tree.read('gone/d'), { code: 'ENOENT' });
});

test('changes: excluded files are neither sent nor deleted, whatever happens around them', async (t) => {
  const source = tempTree(t, { 'a/f': '1', 'b/f': '1', 'c/d/f': '1' });
  const daemon = await rsyncDaemon(t);
  const { tree } = daemon;
  const imgsync = startImgsync(t, { source: source.path, targets: [daemon.url], ...rules });
  // Own files of the target, and excluded ones of the source, move the times of their directories unseen.
  const ignoreTimes = (path: string) => ['c', 'c/d', 'logs', 'e'].includes(path);
  const settled = (kept: readonly string[] = []) =>
    imgsync.settled([daemon.path], {
      exclude: (path) => isExcluded(path) || kept.includes(path),
      ignoreTimes,
    });
  await imgsync.ready();
  await settled();
  tree.write('a/own.tmp', 'protected');
  tree.write('c/d/own.tmp', 'protected');
  tree.write('info/own', 'protected');
  source.write('a/new.tmp', 'never sent');
  source.write('info/new', 'never sent');
  source.write('a/keep.tmp', 'sent');
  source.write('b/.svn/x', 'never sent');
  source.write('logs/x', 'never sent');
  source.remove('a/f');
  source.move('b', 'e');
  source.move('a/keep.tmp', 'a/other.tmp');
  await settled();
  assert.throws(() => tree.read('a/f'), { code: 'ENOENT' });
  for (const path of ['a/new.tmp', 'a/other.tmp', 'a/keep.tmp', 'info/new', 'e/.svn/x', 'logs/x'])
    assert.throws(() => tree.read(path), { code: 'ENOENT' }, path);
  source.remove('c');
  source.remove('a');
  await settled(['a', 'c']);
  source.write('last', '1');
  await settled(['a', 'c']);
  for (const path of ['a/own.tmp', 'c/d/own.tmp', 'info/own'])
    assert.equal(tree.read(path).toString(), 'protected');
});

test('with delete switched off nothing is removed from the target', async (t) => {
  const source = tempTree(t, { 'a/f': '1', g: '1' });
  const daemon = await rsyncDaemon(t);
  daemon.tree.write('extra', 'stays');
  const imgsync = startImgsync(t, { source: source.path, targets: [daemon.url], delete: false });
  await imgsync.settled([daemon.path], { exclude: (path) => path === 'extra' });
  source.remove('g');
  source.move('a', 'b');
  source.write('last', '1');
  await imgsync.settled([daemon.path], { exclude: (path) => ['extra', 'a', 'g'].includes(path) });
  for (const path of ['extra', 'g', 'a/f']) assert.ok(daemon.tree.read(path).length > 0);
});
