import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { metricTypes } from '../deploy/metric-names.js';
import { ask } from '../support/ask.js';
import { imgsyncFast } from '../support/command.js';
import { startWithHttp } from '../support/http-replication.js';
import { tempDirectory } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

const metricsOf = async (port: number): Promise<string> => (await ask({ port, path: '/metrics' })).text;

/** By target. */
const valuesOf = (metrics: string, name: string): Record<string, number> =>
  Object.fromEntries(
    [...metrics.matchAll(new RegExp(`^${name}\\{target="([^"]+)"\\} (\\S+)$`, 'gm'))].map(
      ([, target, value]) => [target, Number(value)],
    ),
  );

/** rsync itself; what tells of every entry comes out piece by piece until the file `go` is there. */
const slowReader = (go: string): string => `#!/bin/bash
set -o pipefail
case " $* " in
  *' -ii '*) rsync "$@" | while IFS= read -r line; do printf '%s\\n' "$line"; [ -e ${go} ] || sleep 0.05; done ;;
  *) exec rsync "$@" ;;
esac
`;

test('how far a verification is and what it found shows in the metrics', async (t) => {
  const folder = tempDirectory(t, 'slow');
  const [program, go] = [join(folder, 'rsync'), join(folder, 'go')];
  writeFileSync(program, slowReader(go));
  chmodSync(program, 0o755);
  const files = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`d${i % 10}/f${i}`, 'x']));
  const { replication, port } = await startWithHttp(t, { files, config: { rsync: { path: program } } });
  const run = (...args: readonly string[]) => imgsyncFast(...args, '--config', replication.imgsync.file);
  assert.equal((await run('wait')).code, 0);
  const [first] = replication.targets;
  assert.ok(first !== undefined);
  first.remove('d1/f1');
  first.write('d2/extra', 'x');

  const progress = async () => valuesOf(await metricsOf(port), 'imgsync_verify_progress_ratio');
  const drift = async () => valuesOf(await metricsOf(port), 'imgsync_drift_paths_total');
  assert.deepEqual(await progress(), { 'target-1': 1, 'target-2': 1 });
  assert.deepEqual(await drift(), { 'target-1': 0, 'target-2': 0 });
  const verifying = run('verify', 'target-1');
  const seen: number[] = [];
  await waitFor(
    async () => {
      const { 'target-1': ratio = Number.NaN, 'target-2': other } = await progress();
      assert.equal(other, 1);
      if (ratio > 0 && ratio < 1 && ratio !== seen.at(-1)) seen.push(ratio);
      return seen.length >= 3;
    },
    { what: 'it is on its way' },
  );
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
    'it only grows',
  );
  writeFileSync(go, '');
  const { code, stdout } = await verifying;
  assert.equal(code, 3, stdout);
  assert.match(stdout, /d1\/f1$/m);
  assert.match(stdout, /d2\/extra$/m);
  // Two files, and what that did to the times of their directories.
  const found = Number(/^target-1: (\d+) paths differ/m.exec(stdout)?.[1]);
  await waitFor(async () => (await drift())['target-1'] === found, { what: 'what was found is counted' });
  assert.deepEqual(await progress(), { 'target-1': 1, 'target-2': 1 });

  assert.equal((await run('verify', '--heal')).code, 3);
  assert.equal((await run('wait')).code, 0);
  assert.equal((await run('verify')).code, 0);
  assert.deepEqual(await drift(), { 'target-1': 2 * found, 'target-2': 0 });
});

test('every metric that alerts and dashboards may use is told, and by its type', async (t) => {
  const { port } = await startWithHttp(t, { targets: 1 });
  const told = [...(await metricsOf(port)).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [
    name,
    type,
  ]);
  for (const [name, type] of Object.entries(metricTypes))
    assert.ok(
      told.some((each) => each[0] === name && each[1] === type),
      `${name} ${type}`,
    );
});
