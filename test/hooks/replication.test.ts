import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { imgsyncFast } from '../support/command-line.js';
import { type HttpRecorder, hang, httpRecorder, lineRecorder } from '../support/hook-server.js';
import { startImgsync } from '../support/imgsync.js';
import { untilContent } from '../support/latency.js';
import { type Replication, startReplication } from '../support/replication.js';
import { tempDirectory, tempTree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

interface Told {
  readonly target?: string;
  readonly id: string;
  readonly paths: readonly { readonly path: string; readonly state: string }[];
}
const toldTo = ({ seen }: HttpRecorder): Told[] => seen.map(({ body }) => JSON.parse(body) as Told);
const pathsFor = (server: HttpRecorder, target?: string): string[] =>
  toldTo(server)
    .filter((told) => told.target === target)
    .flatMap(({ paths }) => paths.map(({ path }) => path));

const webhook = (server: HttpRecorder, more: Readonly<Record<string, unknown>> = {}) => ({
  type: 'webhook',
  url: server.url,
  only: ['*.jpg'],
  ...more,
});

test('a webhook that fails three times gets each change at least once, in order for each target', async (t) => {
  // The first three requests of each target fail.
  const failures = new Map<string, number>();
  const taken: Told[] = [];
  const server = await httpRecorder(t, ({ body }) => {
    const told = JSON.parse(body) as Told;
    const before = failures.get(told.target ?? '') ?? 0;
    failures.set(told.target ?? '', before + 1);
    if (before < 3) return 500;
    taken.push(told);
    return 200;
  });
  const secretFile = join(tempDirectory(t, 'secret'), 'key');
  writeFileSync(secretFile, 'key\n', { mode: 0o600 });
  const replication = await startReplication(t, { config: { hooks: [webhook(server, { secretFile })] } });
  const { source } = replication;
  const names = Array.from({ length: 20 }, (_, index) => `${String(index).padStart(2, '0')}.jpg`);
  for (const name of names) {
    source.write(name, name);
    await replication.settled({ looks: 1 });
  }
  source.remove('00.jpg');
  const isComplete = (target: string): boolean => {
    const paths = taken.filter((told) => told.target === target).flatMap((told) => told.paths);
    return names.every((name) => paths.some(({ path }) => path === name)) && paths.at(-1)?.state === 'gone';
  };
  await waitFor(() => isComplete('target-1') && isComplete('target-2'), { what: 'all at the webhook' });
  for (const target of ['target-1', 'target-2']) {
    // The number of a call is the last part of its name; a failed one is asked again before the next comes.
    const calls = toldTo(server)
      .filter((told) => told.target === target)
      .map(({ id }) => Number(id.split('-').at(-1)));
    assert.deepEqual(
      calls,
      [...calls].sort((x, y) => x - y),
      `out of order at ${target}`,
    );
    assert.equal(new Set(calls.slice(0, 4)).size, 1);
  }
  for (const { headers, body } of server.seen)
    assert.equal(
      headers['x-imgsync-signature'],
      `sha256=${createHmac('sha256', 'key').update(body).digest('hex')}`,
    );
  const failed = replication.imgsync.logs.filter(({ msg }) => msg.startsWith('a hook failed;'));
  assert.equal(failed.length, 2, 'an outage is told once for each target');
});

test('a purge waits until all targets have the path; two of three are enough for another hook', async (t) => {
  const [all, two] = [await httpRecorder(t), await httpRecorder(t)];
  const replication = await startReplication(t, {
    targets: 3,
    config: {
      retry: { minMs: 50, maxMs: 200 },
      hooks: [
        {
          type: 'cdn-purge',
          publicUrl: 'https://pic.example.com/{path}',
          request: all.url,
          only: ['*.jpg'],
        },
        webhook(two, { when: 2 }),
      ],
    },
  });
  const { source, daemons } = replication;
  await daemons[2]?.stop('SIGKILL');
  source.write('new/a.jpg', 'a');
  await waitFor(() => pathsFor(two).includes('new/a.jpg'), { what: 'the hook of two targets' });
  assert.deepEqual(all.seen, [], 'purged although a target lacks it');
  source.write('new/note.txt', 'not a picture');
  await daemons[2]?.start();
  await replication.settled();
  await waitFor(() => all.seen.length > 0, { what: 'the purge' });
  assert.deepEqual(
    all.seen.map(({ body }) => JSON.parse(body)),
    [{ urls: ['https://pic.example.com/new/a.jpg'] }],
  );
});

/** How long a change takes to every target, ms. */
const latencyOf = async (replication: Replication, path: string): Promise<number> => {
  const begin = performance.now();
  replication.source.write(path, 'x');
  await untilContent(replication.daemons, path, 'x');
  return performance.now() - begin;
};

const medianOf = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const statusOf = (replication: Replication): Readonly<Record<string, unknown>>[] => {
  const last = replication.imgsync.logs.findLast(({ msg }) => msg === 'status');
  return ((last?.status as { hooks?: [] })?.hooks ?? []) as Readonly<Record<string, unknown>>[];
};

test('hooks that hang, fail or flood do not slow the replication', async (t) => {
  const plain = await startReplication(t);
  const hanging = await httpRecorder(t, () => hang);
  const failing = await httpRecorder(t, () => 500);
  const hooks = [
    webhook(hanging, { name: 'hanging' }),
    webhook(failing, { name: 'failing', retries: 1_000 }),
    { type: 'command', name: 'sleeping', argv: ['sh', '-c', 'sleep 1000', 'sh'] },
  ];
  const hooked = await startReplication(t, { config: { hooks, stopTimeoutSeconds: 0 } });
  const times = { plain: [] as number[], hooked: [] as number[] };
  const measure = {
    plain: async (path: string) => times.plain.push(await latencyOf(plain, path)),
    hooked: async (path: string) => times.hooked.push(await latencyOf(hooked, path)),
  };
  // In turns and in either order: what the one leaves to be done, and what else the machine does, meets the other.
  for (let round = 0; round < 40; round++) {
    const order = round % 2 === 0 ? (['plain', 'hooked'] as const) : (['hooked', 'plain'] as const);
    for (const which of order) await measure[which](`${round}.jpg`);
  }
  const [without, withHooks] = [medianOf(times.plain), medianOf(times.hooked)];
  const ratio = withHooks / without;
  t.diagnostic(`median ${withHooks.toFixed(1)} ms with hooks, ${without.toFixed(1)} without`);
  // A hook that held it up would cost 30 s and more for each; a busy machine makes the medians differ.
  assert.ok(ratio < 5, `${ratio.toFixed(2)} times as slow`);
  await waitFor(() => statusOf(hooked).some(({ name, failed }) => name === 'failing' && Number(failed) > 0), {
    what: 'counted failures',
  });
  const stuck = statusOf(hooked).find(({ name }) => name === 'hanging');
  assert.equal(stuck?.delivered, 0);
  await waitFor(() => Number(statusOf(hooked).find(({ name }) => name === 'hanging')?.waiting) >= 40, {
    what: 'what waits',
  });
});

const hooksOnly = async (t: TestContext, args: readonly string[], targets: readonly string[]) => {
  const server = await lineRecorder(t);
  const source = tempTree(t, { 'old.jpg': 'was there' });
  const hooks = [{ type: 'socket', address: server.address, only: ['*.jpg'], exclude: ['/private/'] }];
  const imgsync = startImgsync(t, { source: source.path, targets, hooks }, { args });
  await imgsync.ready();
  source.write('new.jpg', 'x');
  source.write('private/secret.jpg', 'x');
  source.write('note.txt', 'x');
  source.remove('old.jpg');
  await waitFor(() => ['new', 'old'].every((name) => server.lines.includes(`${source.path}/${name}.jpg`)), {
    what: 'the lines',
  });
  await imgsync.stop();
  assert.deepEqual([...new Set(server.lines)].sort(), [`${source.path}/new.jpg`, `${source.path}/old.jpg`]);
};

test('without targets the hooks are told of every change', (t) => hooksOnly(t, [], []));

test('--hooks-only leaves the targets alone', async (t) => {
  const target = join(tempDirectory(t), 'target');
  mkdirSync(target);
  await hooksOnly(t, ['--hooks-only'], [target]);
  assert.deepEqual(readdirSync(target), []);
});

test('--hooks-only without hooks is refused', (t) => {
  const source = tempTree(t);
  const file = join(tempDirectory(t, 'config'), 'sync.json');
  writeFileSync(file, JSON.stringify({ source: source.path, targets: ['/nowhere/at/all'] }));
  const { code, stderr } = imgsyncFast('--config', file, '--hooks-only');
  assert.equal(code, 78);
  assert.match(stderr, /\/hooks: is missing: --hooks-only needs hooks/);
});
