import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { systemClock } from '../../src/core/clock.js';
import { Hooks } from '../../src/hooks/hooks.js';
import { type HttpRecorder, httpRecorder } from '../support/hook-server.js';
import { entries, hookOf } from '../support/hooks.js';
import { startReplication } from '../support/replication.js';
import { waitFor } from '../support/wait-for.js';

interface Told {
  readonly target?: string;
  readonly id: string;
  readonly paths: readonly { readonly path: string }[];
}
const toldTo = ({ seen }: HttpRecorder): Told[] => seen.map(({ body }) => JSON.parse(body) as Told);
const pathsAt = (server: HttpRecorder, target?: string): string[] =>
  toldTo(server)
    .filter((told) => target === undefined || told.target === target)
    .flatMap(({ paths }) => paths.map(({ path }) => path));

test('SIGHUP changes, adds and removes hooks; what waits for a hook goes where it is now', async (t) => {
  const [broken, good, other] = [
    await httpRecorder(t, () => 500),
    await httpRecorder(t),
    await httpRecorder(t),
  ];
  const hook = (server: HttpRecorder, name: string, more = {}) => ({
    name,
    type: 'webhook',
    url: server.url,
    only: ['*.jpg'],
    ...more,
  });
  const replication = await startReplication(t, { config: { hooks: [hook(broken, 'site')] } });
  const { imgsync, source } = replication;
  let reloads = 0;
  const setHooks = async (hooks: readonly object[]) => {
    const config = JSON.parse(readFileSync(imgsync.file, 'utf8'));
    writeFileSync(imgsync.file, JSON.stringify({ ...config, hooks }));
    process.kill(imgsync.pid, 'SIGHUP');
    reloads++;
    await waitFor(
      () => imgsync.logs.filter(({ msg }) => msg === 'the configuration was read again').length === reloads,
      { what: 'the reload' },
    );
    return imgsync.logs.findLast(({ msg }) => msg === 'the configuration was read again');
  };
  source.write('a.jpg', 'a');
  await waitFor(() => pathsAt(broken, 'target-1').length > 0 && pathsAt(broken, 'target-2').length > 0, {
    what: 'calls that fail',
  });
  const line = await setHooks([hook(good, 'site'), hook(other, 'all', { when: 'all' })]);
  assert.deepEqual(line?.hooks, { added: ['all'], changed: ['site'], removed: [] });
  await waitFor(() => ['target-1', 'target-2'].every((target) => pathsAt(good, target).includes('a.jpg')), {
    what: 'what waited, at the new place',
  });
  source.write('b.jpg', 'b');
  await waitFor(() => pathsAt(other).includes('b.jpg') && pathsAt(good, 'target-2').includes('b.jpg'), {
    what: 'a change at both',
  });
  assert.ok(!pathsAt(broken).includes('b.jpg'));
  const removed = await setHooks([hook(other, 'all', { when: 'all' })]);
  assert.deepEqual(removed?.hooks, { added: [], changed: [], removed: ['site'] });
  const before = pathsAt(good).length;
  source.write('c.jpg', 'c');
  await waitFor(() => pathsAt(other).includes('c.jpg'), { what: 'the hook that stayed' });
  assert.equal(pathsAt(good).length, before);
  // One that comes back must not call under the names of calls that were.
  await setHooks([hook(good, 'site')]);
  source.write('d.jpg', 'd');
  await waitFor(
    () => pathsAt(good, 'target-2').includes('d.jpg') && pathsAt(good, 'target-1').includes('d.jpg'),
    {
      what: 'the hook that came back',
    },
  );
  const ids = toldTo(good).map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length, ids.join());
  assert.deepEqual(
    imgsync.logs.filter(({ keys }) => keys !== undefined),
    [],
  );
});

test('what waits for more targets, when a hook wants to know of each: those that have it are told', async (t) => {
  const server = await httpRecorder(t);
  const hookFor = (when: 'each' | 'all' | number) => hookOf({ type: 'webhook', url: server.url, when });
  const hooks = new Hooks([hookFor('all')], ['x', 'y', 'z'], {
    source: '/source',
    runId: 'run',
    clock: systemClock,
    random: Math.random,
    observer: {
      failed: (_hook, _target, reason) => assert.fail(reason),
      recovered: () => {},
      lost: (_hook, paths) => assert.fail(`${paths} lost`),
    },
  });
  const delivered = (target: string, path: string, sequence: number) =>
    hooks.delivered({ target, changes: entries(path), left: new Set(), sequence, isQuiet: false });
  for (const path of ['a', 'b', 'c']) hooks.changed(entries(path), 1);
  delivered('x', 'a', 1);
  delivered('y', 'a', 1);
  delivered('x', 'b', 1);
  // Two are enough now: one path is complete, the others wait on.
  hooks.setHooks([hookFor(2)]);
  await waitFor(() => server.seen.length === 1, { what: 'the complete path' });
  assert.deepEqual(pathsAt(server), ['a']);
  hooks.setHooks([hookFor('each')]);
  await waitFor(() => server.seen.length === 2, { what: 'the path that one target has' });
  assert.deepEqual(pathsAt(server, 'x'), ['b']);
  delivered('y', 'b', 1);
  delivered('z', 'c', 1);
  await hooks.end();
  assert.deepEqual([pathsAt(server, 'y'), pathsAt(server, 'z')], [['b'], ['c']]);
});
