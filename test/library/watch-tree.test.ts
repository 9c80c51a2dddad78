import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readlinkSync, renameSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { ConfigError, type TreeBatch, type TreeChange, WatchError, watchTree } from '../../src/index.js';
import { libraryUrl, runProgram } from '../support/embedded.js';
import { tempTree } from '../support/temp-tree.js';

/** Takes batches until a path was told. @returns all changes so far */
const until = async (
  watch: AsyncIterator<TreeBatch, undefined>,
  path: string,
): Promise<readonly TreeChange[]> => {
  const changes: TreeChange[] = [];
  while (!changes.some((change) => change.path === path)) {
    const { value } = await watch.next();
    assert.ok(value !== undefined, `ended before ${path}: ${JSON.stringify(changes)}`);
    changes.push(...value.changes);
  }
  return changes;
};

const inotifyDescriptors = (): number =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes('inotify');
    } catch {
      return false;
    }
  }).length;

test('changes come in batches, names of any bytes', async (t) => {
  const tree = tempTree(t, { 'a/f': '1' });
  await using watch = watchTree(tree.path, { exclude: ['*.tmp', '/cache/'] });
  assert.deepEqual(await watch.ready, { directories: 2, entries: 2 });
  tree.write('a/x.tmp', 'hidden');
  tree.write('cache/y', 'hidden');
  tree.write('a/\xff', 'no UTF-8');
  tree.write(Buffer.from('a/图.jpg').toString('latin1'), 'UTF-8');
  const changes = await until(watch, 'a/图.jpg');
  const odd = changes.find(({ bytes }) => bytes !== undefined);
  assert.deepEqual(odd, { kind: 'entry', path: 'a/\ufffd', bytes: Buffer.from('a/\xff', 'latin1') });
  assert.deepEqual(
    changes.filter(({ path }) => path.includes('tmp') || path.includes('cache')),
    [],
  );
  await using bytes = watchTree(tree.path, { encoding: 'buffer' });
  await bytes.ready;
  tree.write('a/\xff', 'again');
  const { value } = await bytes.next();
  assert.ok(value?.changes.some(({ path }) => path.equals(Buffer.from('a/\xff', 'latin1'))));
});

test('a directory that appears is told with what it holds, and one that goes', async (t) => {
  const tree = tempTree(t);
  await using watch = watchTree(tree.path);
  await watch.ready;
  tree.write('new/deep/f', '1');
  const changes = await until(watch, 'new');
  assert.ok(changes.length > 0);
  tree.append('new/deep/f', '2');
  await until(watch, 'new/deep/f');
  tree.remove('new');
  await until(watch, 'new');
});

test('what is not taken merges, and folds past the limit', async (t) => {
  const tree = tempTree(t, { 'a/f': '', 'b/f': '' });
  await using watch = watchTree(tree.path, { maxPending: 8, lingerMs: 0 });
  await using witness = watchTree(tree.path, { lingerMs: 0 });
  await Promise.all([watch.ready, witness.ready]);
  for (let i = 0; i < 200; i++) {
    tree.append('a/f', 'x');
    if (i % 2 === 0) tree.write(`b/f${i}`, '');
    if (i % 20 === 0) await until(witness, `b/f${i}`);
  }
  tree.write('last', '');
  await until(witness, 'last');
  const { value } = await watch.next();
  assert.ok(value !== undefined && value.changes.length <= 8);
  assert.ok(value.changes.some(({ kind, path }) => kind !== 'entry' && (path === 'b' || path === '')));
  assert.equal(value.overflow, false);
});

test('break, return and the signal end it and free its watches', async (t) => {
  const tree = tempTree(t, { 'a/f': '1' });
  const before = inotifyDescriptors();
  const watch = watchTree(tree.path);
  await watch.ready;
  tree.write('a/g', '');
  for await (const { changes } of watch) if (changes.length > 0) break;
  assert.equal(inotifyDescriptors(), before);
  assert.deepEqual(await watch.next(), { done: true, value: undefined });

  const controller = new AbortController();
  const aborted = watchTree(tree.path, { signal: controller.signal });
  await aborted.ready;
  const waiting = aborted.next();
  controller.abort();
  assert.deepEqual(await waiting, { done: true, value: undefined });
  assert.equal(inotifyDescriptors(), before);

  const reason = new Error('enough');
  const never = watchTree(tree.path, { signal: AbortSignal.abort(reason) });
  await assert.rejects(never.ready, reason);
  assert.deepEqual(await never.next(), { done: true, value: undefined });
  assert.equal(inotifyDescriptors(), before);
});

test('a root that is lost ends it with an error, after what came before', async (t) => {
  const tree = tempTree(t, { 'a/f': '1' });
  await using watch = watchTree(tree.path);
  await watch.ready;
  renameSync(tree.path, `${tree.path}-away`);
  t.after(() => renameSync(`${tree.path}-away`, tree.path));
  const error = await (async () => {
    for await (const _ of watch);
    return undefined;
  })().catch((error: unknown) => error);
  assert.ok(error instanceof WatchError, String(error));
  assert.equal(error.code, 'SOURCE_LOST');
  assert.equal((await watch.next()).done, true);
  const missing = watchTree('/no/such/tree');
  await assert.rejects(
    missing.ready,
    (error) => error instanceof WatchError && error.code === 'SOURCE_MISSING',
  );
  await assert.rejects(missing.next(), (error) => error instanceof WatchError);
});

test('wrong options are named', (t) => {
  const { path } = tempTree(t);
  // @ts-expect-error: a list
  const wrong = () => watchTree(path, { exclude: '*.tmp', lingerMs: -1 });
  assert.throws(wrong, (error) => {
    assert.ok(error instanceof ConfigError);
    assert.deepEqual(
      error.faults.map(({ pointer }) => pointer),
      ['/exclude', '/lingerMs'],
    );
    return true;
  });
});

test('it works in a worker thread', async (t) => {
  const tree = tempTree(t, { 'a/f': '1' });
  const program = `
    import { parentPort } from 'node:worker_threads';
    const { watchTree } = await import(${JSON.stringify(libraryUrl.href)});
    const watch = watchTree(${JSON.stringify(tree.path)});
    await watch.ready;
    parentPort.postMessage('ready');
    for await (const { changes } of watch) if (changes.some(({ path }) => path === 'a/g')) break;
    parentPort.postMessage('seen');`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`));
  assert.deepEqual(await once(worker, 'message'), ['ready']);
  const [seen, exited] = [once(worker, 'message'), once(worker, 'exit')];
  tree.write('a/g', '');
  assert.deepEqual([await seen, await exited], [['seen'], [0]]);
});

test('the process ends by itself after the iteration', async (t) => {
  const tree = tempTree(t, { 'a/f': '1' });
  const program = `
    import { appendFileSync } from 'node:fs';
    import { watchTree } from ${JSON.stringify(libraryUrl.href)};
    const watch = watchTree(${JSON.stringify(tree.path)});
    await watch.ready;
    appendFileSync(${JSON.stringify(tree.path)} + '/a/f', '2');
    for await (const { changes } of watch) { console.log(JSON.stringify(changes)); break; }`;
  const { exitCode, output, errors } = await runProgram(t, ['--input-type=module', '-e', program]);
  assert.deepEqual([exitCode, output], [0, '[{"kind":"entry","path":"a/f"}]\n'], errors);
});
