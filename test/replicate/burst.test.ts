import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startReplication } from '../support/replication.js';
import { run } from '../support/run.js';

const files = 100_000;
const directories = 100;
/** Roomy; a program that keeps every event of every target would need several times of it. */
const limitMib = 512;

test('100,000 files in one burst: none lost, memory bounded', async (t) => {
  const replication = await startReplication(t);
  const { source, imgsync } = replication;
  const burst = `
    const { mkdirSync, writeFileSync } = require('node:fs');
    for (let i = 0; i < ${directories}; i++) mkdirSync('d' + i);
    for (let i = 0; i < ${files}; i++) writeFileSync('d' + (i % ${directories}) + '/f' + i, String(i));`;
  const startedAt = performance.now();
  await run(process.execPath, ['-e', burst], { cwd: source.path });
  const burstMs = performance.now() - startedAt;
  await replication.settled({ contents: false, limitMs: 600_000 });
  const allMs = performance.now() - startedAt;
  await replication.settled({ looks: 1 });
  const peakMib = imgsync.peakRssBytes / 1024 ** 2;
  t.diagnostic(
    `burst ${(burstMs / 1000).toFixed(1)} s, on both targets after ${(allMs / 1000).toFixed(1)} s, peak RSS ${peakMib.toFixed(0)} MiB`,
  );
  assert.ok(peakMib < limitMib, `peak RSS ${peakMib} MiB`);
});
