import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'jsonc-parser';
import type { ConfigInput } from '../../src/index.js';
import { replicateAsShown } from '../support/as-shown.js';
import { unlessRoot } from '../support/root.js';

test('the two configurations of the example fit each other', { skip: unlessRoot }, async (t) => {
  const config = parse(readFileSync('examples/eight-targets/sync.json', 'utf8')) as ConfigInput;
  const rsyncd = readFileSync('examples/eight-targets/rsyncd.conf', 'utf8');
  const hosts = Array.from({ length: 8 }, (_, index) => `rsync://10.0.0.${64 + index}:9381/market`);
  assert.deepEqual(config.targets, hosts);
  assert.match(rsyncd, /^port = 9381$/m);
  // Other places, and a source host on the loopback address; the rest is what the example says.
  const conf = (path: string): string =>
    rsyncd
      .replace('/imgServer/material', path)
      .replaceAll('/run/', `${path}-`)
      .replace('/var/log/rsyncd.log', `${path}-log`)
      .replace('hosts allow = 10.0.0.31', 'hosts allow = 127.0.0.1');
  const files = { 'a/cat.jpg': 'picture', '.svn/x': '', 'info/x': '', 'a/half.tmp': '' };
  for (const { tree } of await replicateAsShown(t, { config, conf, module: 'market', files })) {
    assert.equal(tree.read('a/link').toString(), 'picture');
    assert.deepEqual([tree.count(), tree.has('a/half.tmp'), tree.has('.svn')], [3, false, false]);
  }
});
