import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import type { ConfigInput } from '../../src/index.js';
import { replicateAsShown } from '../support/as-shown.js';
import { unlessRoot } from '../support/root.js';

const folder = 'deploy/docker';
const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as ConfigInput;
const rsyncdConf = readFileSync(join(folder, 'rsyncd.conf'), 'utf8');

interface Service {
  readonly entrypoint?: readonly string[];
  readonly volumes: readonly string[];
  readonly networks: readonly string[];
  readonly build?: { readonly context: string; readonly dockerfile: string };
}

test('the compose file has a daemon with a volume of its own for each target of its configuration', () => {
  const { services, volumes } = parse(readFileSync(join(folder, 'compose.yaml'), 'utf8'), {
    merge: true,
  }) as { services: Record<string, Service>; volumes: Record<string, unknown> };
  const { source, ...daemons } = services;
  const urls = Object.keys(daemons).map((name) => `rsync://${name}/material`);
  assert.deepEqual(config.targets, urls);
  assert.equal(urls.length, 8);
  for (const [name, { entrypoint, volumes: mounted, networks }] of Object.entries(daemons)) {
    assert.ok(name in volumes, `volume ${name}`);
    assert.deepEqual(mounted, ['./rsyncd.conf:/etc/rsyncd.conf:ro', `${name}:/data/material`]);
    assert.ok(entrypoint?.includes('--config=/etc/rsyncd.conf'), name);
    assert.deepEqual(networks, source?.networks);
  }
  assert.match(rsyncdConf, /^ *path = \/data\/material$/m);
  assert.ok(existsSync(join(folder, source?.build?.context ?? '', source?.build?.dockerfile ?? '')));
  assert.ok(source?.volumes.includes('./config.json:/etc/imgsync-fast/config.json:ro'));
  assert.ok(source?.volumes.some((mount) => mount.endsWith(`:${config.source}:ro`)));
});

test('its configurations replicate to eight daemons', { skip: unlessRoot }, async (t) => {
  const conf = (path: string): string =>
    rsyncdConf
      .replace('/data/material', path)
      .replace('/dev/stdout', '/dev/null')
      .replace('/run/', `${path}-`);
  const files = { 'a/cat.jpg': 'picture', 'a/half.tmp': '' };
  const daemons = await replicateAsShown(t, { config, conf, module: 'material', files });
  assert.equal(daemons.length, 8);
  for (const { tree } of daemons) {
    assert.equal(tree.read('a/link').toString(), 'picture');
    assert.deepEqual([tree.count(), tree.has('a/half.tmp')], [3, false]);
  }
});
