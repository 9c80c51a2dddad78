import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'jsonc-parser';
import type { ConfigInput } from '../../src/index.js';
import { embedded } from '../support/embedded.js';
import { unlessRoot } from '../support/root.js';
import { rsyncDaemons } from '../support/rsync-daemon.js';
import { tempDirectory, tempTree } from '../support/temp-tree.js';

test('the two configurations of the example fit each other', { skip: unlessRoot }, async (t) => {
  const config = parse(readFileSync('examples/eight-targets/sync.json', 'utf8')) as ConfigInput;
  const conf = readFileSync('examples/eight-targets/rsyncd.conf', 'utf8');
  const source = tempTree(t, { 'a/cat.jpg': 'picture', '.svn/x': '', 'info/x': '', 'a/half.tmp': '' });
  source.link('a/link', 'cat.jpg');
  const daemons = await rsyncDaemons(t, 8, { module: 'market' });
  for (const daemon of daemons) {
    // Other places, and a source host on the loopback address; the rest is what the example says.
    const ownPlaces = conf
      .replace('/imgServer/material', daemon.path)
      .replaceAll('/run/', `${daemon.path}-`)
      .replace('/var/log/rsyncd.log', `${daemon.path}-log`)
      .replace('hosts allow = 10.0.0.31', 'hosts allow = 127.0.0.1');
    daemon.configure(() => ownPlaces);
  }
  const urls = config.targets.map((url, index) => {
    const [, host, module] = /^rsync:\/\/([\d.]+):9381\/(.*)$/.exec(String(url)) ?? [];
    assert.deepEqual([host, module], [`10.0.0.${64 + index}`, daemons[index]?.module]);
    return daemons[index]?.url ?? '';
  });
  const { failLog: _, ...rest } = config;
  const stateDir = tempDirectory(t, 'state');
  const replication = embedded(t, { ...rest, source: source.path, stateDir, targets: urls });
  await replication.start();
  const { targets } = await replication.settled();
  assert.equal(targets.length, 8);
  for (const { tree } of daemons) {
    assert.equal(tree.read('a/link').toString(), 'picture');
    assert.deepEqual([tree.count(), tree.has('a/half.tmp'), tree.has('.svn')], [3, false, false]);
  }
});
