import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { churn } from '../support/churn.js';
import { chooseSeed } from '../support/random.js';
import { startReplication } from '../support/replication.js';
import { tempDirectory } from '../support/temp-tree.js';

const operations = Number(process.env.CHURN_OPERATIONS ?? 1_500);

const survives = async (t: TestContext, targets: number, config: Record<string, unknown>): Promise<void> => {
  const seed = chooseSeed();
  t.diagnostic(`SEED=${seed}`);
  // A churn may delete most of the tree within a minute, which the guard would rightly hold.
  const replication = await startReplication(t, {
    targets,
    config: { delete: { max: '100%' }, ...config },
  });
  const counts = await churn(t, replication.source.path, { seed, threads: 3, operations });
  assert.ok(Object.values(counts).reduce((sum, count) => sum + count) > operations, JSON.stringify(counts));
  await replication.settled({ limitMs: 150_000 }).catch((error: unknown) => {
    throw new Error(`SEED=${seed}: ${String(error)}`, { cause: error });
  });
  const peakMib = replication.imgsync.peakRssBytes / 1024 ** 2;
  t.diagnostic(`peak RSS ${peakMib.toFixed(0)} MiB`);
};

test('three threads of random changes: all eight targets equal the source', (t) => survives(t, 8, {}));

test('the same with tiny batches, many of them side by side', (t) =>
  survives(t, 2, { batch: { maxPaths: 8, parallel: 4, lingerMs: 0 } }));

/** What receivers with the fault of github.com/RsyncProject/rsync/issues/910 make of missing arguments. */
const refusesMissing = `#!/bin/sh
case " $* " in *' --delete-missing-args '*)
  echo 'invalid file mode 00 for top [Receiver]' >&2
  echo 'rsync error: protocol incompatibility (code 2) at flist.c(874) [Receiver=3.4.3]' >&2
  exit 2 ;;
esac
exec rsync "$@"
`;

test('the same where the rsync of the targets takes no missing arguments', (t) => {
  const path = join(tempDirectory(t, 'rsync'), 'rsync');
  writeFileSync(path, refusesMissing, { mode: 0o755 });
  return survives(t, 2, { rsync: { path } });
});

test('an rsync that takes no missing arguments any more, while it runs: deletes go by another way', async (t) => {
  const folder = tempDirectory(t, 'rsync');
  const path = join(folder, 'rsync');
  writeFileSync(path, '#!/bin/sh\nexec rsync "$@"\n', { mode: 0o755 });
  const files = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`d${i % 8}/f${i}`, `${i}`]));
  const replication = await startReplication(t, {
    files,
    targets: 1,
    config: { rsync: { path }, standby: 'off' },
  });
  const { source, imgsync } = replication;
  source.remove('d0/f0');
  await replication.settled();
  // Renamed over the old one, for a shell may be reading that.
  writeFileSync(`${path}.new`, refusesMissing, { mode: 0o755 });
  renameSync(`${path}.new`, path);
  source.remove('d1');
  source.remove('d2/f2');
  source.write('d3/new', 'beside a delete');
  await replication.settled();
  const failures = imgsync.logs.filter(({ code }) => code !== undefined);
  assert.deepEqual(failures, []);
});
