import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { loadAddon } from '../../src/native/addon.js';
import { Recorder, record, told } from '../support/recorder.js';
import { tempTree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';
import { watchInProcess } from '../support/watch-process.js';

const addonUrl = new URL('../../src/native/addon.js', import.meta.url).href;

const watchThreads = (): number =>
  readdirSync('/proc/self/task').filter((task) => {
    try {
      return readFileSync(`/proc/self/task/${task}/comm`, 'latin1').startsWith('imgsync-watch');
    } catch {
      return false; // It ended meanwhile.
    }
  }).length;
const descriptors = (): number => readdirSync('/proc/self/fd').length;

test('neither threads nor descriptors stay behind', async (t) => {
  const tree = tempTree(t, { 'a/b/c': '1' });
  const cycle = async (): Promise<void> => {
    const recorder = new Recorder({ root: tree.path, rules: [] });
    await recorder.message('live');
    tree.write('a/b/c', '2');
    await recorder.until('a/b/c');
    await recorder.native.close();
  };
  await cycle();
  const before = descriptors();
  for (let round = 0; round < 100; round++) await cycle();
  assert.equal(descriptors(), before);
  assert.equal(watchThreads(), 0);
});

test('close ends a walk, and after it nothing is told', async (t) => {
  const tree = tempTree(t);
  for (let i = 0; i < 300; i++) tree.makeDirectory(`d${i}/e/f`);
  for (let round = 0; round < 20; round++) {
    let isClosed = false;
    const watcher = new (loadAddon().Watcher)({ root: tree.path, rules: [] }, () => assert.ok(!isClosed));
    await watcher.close();
    isClosed = true;
    tree.write(`d${round}/x`, '');
  }
  assert.equal(watchThreads(), 0);
});

test('a watcher is closed twice and used after that', async (t) => {
  const recorder = new Recorder({ root: tempTree(t).path, rules: [] });
  const pending = recorder.native.drain();
  const closed = Promise.all([recorder.native.close(), recorder.native.close()]);
  await assert.rejects(pending, { code: 'ECANCELED' });
  await closed;
  await recorder.native.close();
  await assert.rejects(recorder.native.drain(), { code: 'ECANCELED' });
  assert.equal(recorder.native.stats().pending, 0);
});

test('wrong arguments are refused', () => {
  const { Watcher } = loadAddon();
  assert.throws(() => Reflect.construct(Watcher, []), TypeError);
  assert.throws(() => Reflect.construct(Watcher, [{ root: '/', rules: [] }]), TypeError);
});

test('several watchers see one tree', async (t) => {
  const tree = tempTree(t, { 'a/f': '1' });
  const recorders = await Promise.all([1, 2, 3].map(() => record(t, tree.path)));
  tree.append('a/f', '2');
  for (const recorder of recorders) assert.deepEqual(told(await recorder.take()), ['entry:a/f']);
});

test('many drains at once are all answered', async (t) => {
  const tree = tempTree(t, { 'a/f': '1' });
  const recorder = await record(t, tree.path);
  const drains = Array.from({ length: 100 }, () => {
    tree.append('a/f', '2');
    return recorder.native.drain();
  });
  assert.equal((await Promise.all(drains)).length, 100);
  assert.deepEqual(told(await recorder.take()), ['entry:a/f']);
});

test('a worker thread watches, and is terminated meanwhile', async (t) => {
  const tree = tempTree(t, { 'a/b/f': '1' });
  const source = `
    import { parentPort, workerData } from 'node:worker_threads';
    const { loadAddon } = await import(${JSON.stringify(addonUrl)});
    const watcher = new (loadAddon().Watcher)({ root: workerData, rules: [], lingerMs: 0 }, (message) => {
      parentPort.postMessage(message.type);
    });
    globalThis.watcher = watcher;`;
  for (let round = 0; round < 20; round++) {
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
      workerData: tree.path,
    });
    const [type] = (await once(worker, 'message')) as [string];
    assert.equal(type, 'live');
    for (let i = 0; i < 50; i++) tree.write(`a/b/f${i}`, `${round}`);
    if (round % 2 === 0) assert.deepEqual(await once(worker, 'message'), ['changes']);
    await worker.terminate();
  }
  await waitFor(() => watchThreads() === 0, { what: 'end of the threads' });
});

test('the process exits while it watches', async (t) => {
  const tree = tempTree(t, { 'a/f': '1' });
  for (let round = 0; round < 5; round++) {
    const watching = watchInProcess(t, { root: tree.path, rules: [] });
    const exited = once(watching.child, 'exit');
    await watching.message();
    for (let i = 0; i < 100; i++) tree.write(`a/f${i}`, '');
    watching.say('exit');
    assert.deepEqual(await exited, [0, null]);
  }
});

test('what the receiver throws is an uncaught exception, and the rest is told all the same', async (t) => {
  const tree = tempTree(t, { 'a/f': '1' });
  const source = `
    import { appendFileSync } from 'node:fs';
    const { loadAddon } = await import(${JSON.stringify(addonUrl)});
    const caught = [];
    process.on('uncaughtException', (error) => caught.push(error.message));
    const told = [];
    const watcher = new (loadAddon().Watcher)({ root: process.argv[1], rules: [] }, ({ type }) => {
      told.push(type);
      throw new Error(type);
    });
    await watcher.drain();
    appendFileSync(process.argv[1] + '/a/f', '2');
    await watcher.drain();
    await watcher.close();
    console.log(JSON.stringify({ told, caught }));`;
  const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', source, tree.path]);
  assert.equal(status, 0);
  assert.deepEqual(JSON.parse(String(stdout)), { told: ['live', 'changes'], caught: ['live', 'changes'] });
});

test('a receiver that is busy gets what coalesced meanwhile', async (t) => {
  const tree = tempTree(t, { 'a/f': '1' });
  const recorder = await record(t, tree.path, { lingerMs: 0 });
  // JS does not come to its messages while this loop runs.
  for (let i = 0; i < 3_000; i++) tree.append('a/f', 'x');
  assert.deepEqual(told(await recorder.take()), ['entry:a/f']);
  assert.ok(recorder.deliveries <= 10, `${recorder.deliveries} deliveries`);
});

test('the thread turns when it is asked to, until it is closed', async (t) => {
  const recorder = new Recorder({ root: tempTree(t).path, rules: [] });
  await recorder.message('live');
  const turns = () => recorder.native.stats().turns;
  for (let round = 0; round < 10; round++) {
    const before = turns();
    recorder.native.ping();
    await waitFor(() => turns() > before, { what: 'a turn' });
  }
  await recorder.native.close();
  const last = turns();
  recorder.native.ping();
  assert.equal(turns(), last);
});
