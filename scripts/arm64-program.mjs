// Run by test-arm64.mjs in a copy of the package, by a Node of that architecture: watches a folder and replicates it.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const logger = { ...console, debug: () => {}, info: () => {} };
const folder = mkdtempSync(join(tmpdir(), 'imgsync-arm64-'));
const [source, target, stateDir] = ['source', 'target', 'state'].map((name) => join(folder, name));
for (const path of [source, target]) mkdirSync(path);
const { createReplication, watchTree } = await import(process.argv[2]);
try {
  const watch = watchTree(source);
  const { directories } = await watch.ready;
  assert.equal(directories, 1);
  mkdirSync(join(source, 'deep'));
  writeFileSync(join(source, 'deep/cat.jpg'), 'a cat');
  for await (const { changes } of watch) if (changes.some(({ path }) => path.startsWith('deep'))) break;
  console.log(`${process.arch}, Node ${process.version}: watches`);

  const replication = createReplication({ source, targets: [target], stateDir }, { logger });
  await replication.start();
  writeFileSync(join(source, 'deep/dog.jpg'), 'a dog');
  await replication.settled({ paths: ['deep/dog.jpg'], timeoutMs: 60_000 });
  assert.equal(readFileSync(join(target, 'deep/dog.jpg'), 'utf8'), 'a dog');
  await replication.stop();
  console.log(`${process.arch}, Node ${process.version}: replicates`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
