import assert from 'node:assert/strict';
import { chmodSync, linkSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'jsonc-parser';
import { churn } from '../support/churn.js';
import { imgsyncFast } from '../support/command.js';
import { freePort } from '../support/free-port.js';
import { type SyncJson, startImgsync } from '../support/imgsync.js';
import { chooseSeed } from '../support/random.js';
import { rsyncDaemon } from '../support/rsync-daemon.js';
import { tempDirectory, tempTree } from '../support/temp-tree.js';

const hosts = [64, 65, 66, 67, 68, 69, 70, 71];
const operations = Number(process.env.CHURN_OPERATIONS ?? 500);

test("sersync's configuration of eight servers, imported, carries a churn to all of them", async (t) => {
  const source = tempTree(t, {
    'material/a.jpg': 'one',
    '.htaccess': 'deny',
    'info/x': 'kept: the filter was off',
  });
  const port = await freePort();
  const daemons = await Promise.all(
    hosts.map((host) => rsyncDaemon(t, { module: 'market', address: `127.0.0.${host}`, port })),
  );
  // Deleted at the source while sersync was down.
  daemons[0]?.tree.write('old/left-over.jpg', 'gone from the source');
  const folder = tempDirectory(t, 'seed');
  const xml = join(folder, 'confxml.xml');
  writeFileSync(
    xml,
    readFileSync('test/fixtures/sersync/seed.xml', 'utf8')
      .replaceAll('"x.x.x.', '"127.0.0.')
      .replaceAll('9381', String(port))
      .replace('/applications/mios-market-config-rest/material', source.path),
  );
  const config = join(folder, 'sync.json');
  const { code, stderr } = await imgsyncFast('import', xml, '-o', config);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /commonParams -u: /);
  const imgsync = startImgsync(t, parse(readFileSync(config, 'utf8')) as SyncJson);
  await imgsync.ready();
  const targets = daemons.map(({ path }) => path);
  await imgsync.settled(targets);

  // What sersync with this configuration never delivered: an older file moved over a newer one (-u), links
  // (createFile), a change of mode alone (attrib), a name with a dot in front.
  source.write('material/old.jpg', 'old');
  utimesSync(source.at('material/old.jpg'), 1_000_000_000, 1_000_000_000);
  await imgsync.settled(targets);
  source.move('material/old.jpg', 'material/a.jpg');
  source.link('material/link', 'a.jpg');
  linkSync(source.at('material/a.jpg'), source.at('material/second.jpg'));
  chmodSync(source.at('info/x'), 0o640);
  source.write('.htaccess', 'allow');
  await imgsync.settled(targets);

  const seed = chooseSeed();
  t.diagnostic(`SEED=${seed}`);
  await churn(t, source.path, { seed, threads: 2, operations });
  await imgsync.settled(targets, { limitMs: 150_000 }).catch((error: unknown) => {
    throw new Error(`SEED=${seed}: ${String(error)}`, { cause: error });
  });
});
