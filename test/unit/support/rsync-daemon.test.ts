import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { compareTrees } from '../../support/compare-trees.js';
import { rsyncDaemon } from '../../support/rsync-daemon.js';
import { tempTree } from '../../support/temp-tree.js';

const run = promisify(execFile);

test('a daemon takes a tree, exactly; it is stopped and started on the same port', async (t) => {
  const source = tempTree(t, { 'a/f': '1', 'b\xff': '2' });
  source.link('l', '/absolute/../target');
  const daemon = await rsyncDaemon(t);
  const push = () => run('rsync', ['-a', '--modify-window=-1', `${source.path}/`, `${daemon.url}/`]);
  await push();
  assert.deepEqual(await compareTrees(source.path, daemon.path), []);
  await daemon.stop();
  await assert.rejects(push, { code: 10 });
  source.write('a/f', 'longer');
  await daemon.start();
  await push();
  assert.deepEqual(await compareTrees(source.path, daemon.path), []);
});

test('a frozen daemon answers nobody until it is thawed', async (t) => {
  const source = tempTree(t, { f: '1' });
  const daemon = await rsyncDaemon(t);
  daemon.freeze();
  const push = run('rsync', ['-a', '--modify-window=-1', `${source.path}/`, `${daemon.url}/`]);
  const probe = run('rsync', ['--timeout=1', '--contimeout=1', `${daemon.url}/`]);
  await assert.rejects(probe);
  assert.notDeepEqual(await compareTrees(source.path, daemon.path), []);
  daemon.thaw();
  await push;
  assert.deepEqual(await compareTrees(source.path, daemon.path), []);
});
