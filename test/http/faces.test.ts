import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { askControl } from '../../src/cli/control-client.js';
import type { DaemonStatus } from '../../src/daemon/status.js';
import { ask, openEvents } from '../support/ask.js';
import { startWithHttp, token } from '../support/http-replication.js';
import type { Replication, ReplicationOptions } from '../support/replication.js';
import { tempDirectory } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

/** A replication that listens on TCP with a token. */
const start = async (t: TestContext, options?: ReplicationOptions): Promise<[Replication, number]> => {
  const { replication, port } = await startWithHttp(t, options);
  return [replication, port];
};

const statusOf = async (port: number): Promise<DaemonStatus & { readonly schema: string }> =>
  JSON.parse((await ask({ port, path: '/status' })).text);

/** The value of the sample whose name and labels are these. */
const valueIn = (metrics: string, sample: string): number =>
  Number(
    metrics
      .split('\n')
      .find((line) => line.startsWith(`${sample} `))
      ?.slice(sample.length + 1),
  );

test('status, health and metrics tell what is', async (t) => {
  const [replication, port] = await start(t, { files: { 'a.txt': 'one', 'd/b.txt': 'two' } });
  replication.source.write('c.txt', 'three');
  replication.source.remove('a.txt');
  await replication.settled();
  await waitFor(async () => (await statusOf(port)).targets.every(({ pending }) => pending === 0), {
    what: 'nothing waits',
  });
  const status = await statusOf(port);
  assert.equal(status.schema, 'imgsync-fast/status/1');
  assert.equal(status.live, true);
  for (const target of status.targets) {
    assert.equal(target.up, true);
    assert.ok(
      target.lastSuccessAt !== undefined && Math.abs(Date.parse(target.lastSuccessAt) - Date.now()) < 600_000,
    );
    assert.equal(target.lagSeconds, 0);
  }
  assert.equal((await ask({ port, path: '/livez' })).text, 'ok\n');
  const ready = await ask({ port, path: '/readyz?verbose' });
  assert.equal(ready.status, 200);
  assert.match(ready.text, /^\[\+\] watches: 2 directories .*\n\[\+\] targets: 2 of 2 .*\nok\n$/);
  const { text, headers } = await ask({ port, path: '/metrics' });
  assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/);
  assert.equal(valueIn(text, 'imgsync_target_up{target="target-1"}'), 1);
  assert.ok(valueIn(text, 'imgsync_delivery_seconds_count{target="target-2"}') >= 2);
  assert.ok(valueIn(text, 'imgsync_delivered_paths_total{target="target-1",op="send"}') >= 3);
  assert.ok(valueIn(text, 'imgsync_delivered_paths_total{target="target-1",op="delete"}') >= 1);
  assert.ok(valueIn(text, 'imgsync_watch_limit') > 0);
  assert.ok(!text.includes(replication.source.path), 'no path is a label');
  const checked = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  assert.equal(checked.status, 0, `${checked.error ?? ''}${checked.stdout}${checked.stderr}`);
});

test('the same is on the socket, which needs no token', async (t) => {
  const [replication, port] = await start(t, { targets: 1 });
  const { stateDir } = JSON.parse(readFileSync(replication.imgsync.file, 'utf8'));
  const status = (await askControl(stateDir, 'GET /v1/status')) as DaemonStatus;
  assert.deepEqual(Object.keys(status).sort(), Object.keys(await statusOf(port)).sort());
  assert.deepEqual(await askControl(stateDir, 'POST /v1/deletes/approve'), { paths: { 'target-1': 0 } });
  const refused = await ask({ port, method: 'POST', path: '/v1/deletes/approve' });
  assert.equal(refused.status, 401);
});

test('a target, which may be any directory here, is added over the socket alone', async (t) => {
  const [replication, port] = await start(t, { targets: 1 });
  const place = tempDirectory(t, 'place');
  const overTcp = await ask({
    port,
    method: 'POST',
    path: '/v1/targets/add',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ target: place }),
  });
  assert.equal(overTcp.status, 404);
  const { stateDir } = JSON.parse(readFileSync(replication.imgsync.file, 'utf8'));
  await askControl(stateDir, 'POST /v1/targets/add', { target: place });
  assert.equal((await statusOf(port)).targets.length, 2);
});

test('a target that is down shows: its lag, readiness, what happened; and when it is back', async (t) => {
  const [replication, port] = await start(t, {
    config: { http: { listen: '127.0.0.1:0', readyTargets: 2 } },
  });
  const stream = await openEvents(port);
  t.after(() => stream.close());
  const [daemon] = replication.daemons;
  assert.ok(daemon !== undefined);
  await daemon.stop('SIGKILL');
  const savedAt = Date.now();
  replication.source.write('a.txt', 'one');
  await waitFor(async () => (await ask({ port, path: '/readyz' })).status === 503, {
    what: 'it is not ready',
  });
  assert.match((await ask({ port, path: '/readyz?verbose' })).text, /\[-\] targets: 1 of 2 .*\nnot ready\n$/);
  // The same path again and again: the oldest of its changes counts.
  for (let i = 0; Date.now() - savedAt < 30_000; i++) {
    replication.source.write('a.txt', `content ${i}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const [down, up] = (await statusOf(port)).targets;
  const elapsed = (Date.now() - savedAt) / 1000;
  assert.ok(down !== undefined && up !== undefined);
  assert.ok(Math.abs(down.lagSeconds - elapsed) < 1, `lag ${down.lagSeconds} after ${elapsed} s`);
  assert.ok(up.lagSeconds < 5, `lag ${up.lagSeconds} of the other one`);
  assert.equal(down.up, false);
  assert.equal(down.code, 'CONNECTION_REFUSED');
  assert.notEqual(down.hint, undefined);
  const { text } = await ask({ port, path: '/metrics' });
  assert.equal(valueIn(text, 'imgsync_target_up{target="target-1"}'), 0);
  const lag = valueIn(text, 'imgsync_replication_lag_seconds{target="target-1"}');
  assert.ok(Math.abs(lag - elapsed) < 1.5, `lag ${lag} in the metrics after ${elapsed} s`);
  assert.ok(valueIn(text, 'imgsync_errors_total{target="target-1",class="CONNECTION_REFUSED"}') > 0);
  assert.ok(valueIn(text, 'imgsync_retries_total{target="target-1"}') > 0);
  await daemon.start();
  await waitFor(async () => (await ask({ port, path: '/readyz' })).status === 200, {
    what: 'it is ready again',
  });
  await replication.settled();
  const events = () =>
    stream.messages.filter(({ event }) => event === 'event').map(({ data }) => JSON.parse(data));
  await waitFor(() => events().some(({ type, target }) => type === 'delivered' && target === 'target-1'), {
    what: 'word of the delivery',
  });
  assert.ok(events().some(({ code, target }) => code === 'CONNECTION_REFUSED' && target === 'target-1'));
  const status = stream.messages.filter(({ event }) => event === 'status').length;
  assert.ok(status > 10 && status < 3 * ((Date.now() - savedAt) / 1000), `${status} times the status`);
});

test('a configuration that is wrong when it is read again shows in the metrics', async (t) => {
  const [{ imgsync }, port] = await start(t, { targets: 1 });
  const valid = readFileSync(imgsync.file, 'utf8');
  const isSuccessful = async () =>
    valueIn((await ask({ port, path: '/metrics' })).text, 'imgsync_config_last_reload_successful');
  assert.equal(await isSuccessful(), 1);
  writeFileSync(imgsync.file, '{}');
  process.kill(imgsync.pid, 'SIGHUP');
  await waitFor(async () => (await isSuccessful()) === 0, { what: 'the failure shows' });
  writeFileSync(imgsync.file, valid);
  process.kill(imgsync.pid, 'SIGHUP');
  await waitFor(async () => (await isSuccessful()) === 1, { what: 'the success shows' });
});
