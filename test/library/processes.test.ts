import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { embedded, libraryUrl, runProgram, setting } from '../support/embedded.js';
import { waitFor } from '../support/wait-for.js';

const library = JSON.stringify(libraryUrl.href);

test('the process ends by itself after stop', async (t) => {
  const { config, daemons } = await setting(t, 2, { f: 'here' });
  const program = `
    import { createReplication } from ${library};
    const replication = createReplication(${JSON.stringify(config)});
    await replication.start();
    console.log(JSON.stringify(await replication.settled()));
    await replication.stop();`;
  const { exitCode, output, errors } = await runProgram(t, ['--input-type=module', '-e', program]);
  assert.equal(exitCode, 0, errors);
  assert.equal(JSON.parse(output).settled, true);
  assert.equal(errors, '');
  assert.equal(daemons[1]?.tree.read('f').toString(), 'here');
});

test('a start that fails leaves nothing that keeps the process', async (t) => {
  const { config } = await setting(t, 1);
  const program = `
    import { createReplication } from ${library};
    const replication = createReplication(${JSON.stringify({ ...config, source: '/no/such' })});
    await replication.start().catch(({ code }) => console.log(code));`;
  const { exitCode, output, errors } = await runProgram(t, ['--input-type=module', '-e', program]);
  assert.deepEqual([exitCode, output, errors], [0, 'SOURCE_MISSING\n', '']);
});

test('it works in a worker thread, beside one in the main thread', async (t) => {
  const [own, other] = await Promise.all([setting(t, 1, { f: 'main' }), setting(t, 1, { f: 'worker' })]);
  const worker = `
    const { createReplication } = await import(${library});
    const replication = createReplication(${JSON.stringify(other.config)});
    await replication.start();
    await replication.settled();
    await replication.stop();`;
  const program = `
    import { Worker } from 'node:worker_threads';
    import { createReplication } from ${library};
    const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(worker)})));
    const ended = new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));
    const replication = createReplication(${JSON.stringify(own.config)});
    await replication.start();
    await replication.settled();
    console.log(await ended);
    await replication.stop();`;
  const { exitCode, output, errors } = await runProgram(t, ['--input-type=module', '-e', program]);
  assert.deepEqual([exitCode, output], [0, '0\n'], errors);
  assert.equal(own.daemons[0]?.tree.read('f').toString(), 'main');
  assert.equal(other.daemons[0]?.tree.read('f').toString(), 'worker');
});

const skipUnshare =
  spawnSync('unshare', ['-Ur', 'true']).status === 0 ? false : 'user namespaces are not allowed here';

test('watching that can not go on is the event failed, and the end', { skip: skipUnshare }, async (t) => {
  const { source, config } = await setting(t, 1, { 'a/f': '1' });
  const program = `
    import { mkdirSync } from 'node:fs';
    import { createReplication } from ${library};
    const replication = createReplication(${JSON.stringify(config)});
    const failed = new Promise((resolve) => replication.on('failed', resolve));
    await replication.start();
    for (const name of ['b', 'c', 'd']) mkdirSync(${JSON.stringify(source.path)} + '/' + name);
    const { code, hint } = await failed;
    console.log(code, hint.length > 0);
    await replication.stop();
    console.log(replication.status().phase);`;
  const limited = 'echo 3 > /proc/sys/user/max_inotify_watches && exec "$@"';
  const { exitCode, output, errors } = await runProgram(
    t,
    ['--input-type=module', '-e', program],
    ['unshare', '-Ur', 'sh', '-c', limited, 'sh'],
  );
  assert.deepEqual([exitCode, output], [0, 'WATCH_LIMIT_REACHED true\nstopped\n'], errors);
});

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const canRequire = major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);

test('CommonJS can require it', {
  skip: canRequire ? false : 'this Node can not require modules',
}, async (t) => {
  const program = `
    const { createReplication, ConfigError } = require(${JSON.stringify(fileURLToPath(libraryUrl))});
    createReplication({}).start().catch((error) => console.log(error instanceof ConfigError));`;
  const { exitCode, output, errors } = await runProgram(t, ['--input-type=commonjs', '-e', program]);
  assert.deepEqual([exitCode, output], [0, 'true\n'], errors);
});

const rounds = Number(process.env.IMGSYNC_ROUNDS ?? 20);

test(`${rounds} starts and stops leave nothing behind`, async (t) => {
  const { source, daemons, config } = await setting(t, 2, { 'a/b/f': '0' });
  const replication = embedded(t, config);
  const round = async (index: number) => {
    await replication.start();
    source.write('a/b/f', String(index));
    await replication.settled();
    await replication.stop();
    assert.equal(daemons[1]?.tree.read('a/b/f').toString(), String(index));
  };
  // The first ones load code and fill pools of threads.
  for (let index = 0; index < 3; index++) await round(index);
  const before = held();
  for (let index = 3; index < rounds; index++) await round(index);
  await waitFor(() => isWithin(held(), before) || JSON.stringify([before, held()]), {
    what: 'as little as before',
    limitMs: 30_000,
  });
});

interface Held {
  readonly descriptors: number;
  readonly inotify: number;
  readonly threads: number;
  readonly children: number;
}

/** What this process has at the moment. */
const held = (): Held => {
  const links = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return [];
    }
  });
  const tasks = readdirSync('/proc/self/task');
  return {
    descriptors: links.length,
    inotify: links.filter((link) => link.includes('inotify')).length,
    threads: tasks.length,
    children: tasks.flatMap(childrenOf).length,
  };
};

const childrenOf = (task: string): string[] => {
  try {
    const text = readFileSync(`/proc/self/task/${task}/children`, 'latin1');
    return text.split(' ').filter((pid) => pid.trim() !== '');
  } catch {
    return [];
  }
};

const isWithin = (now: Held, before: Held): boolean =>
  now.descriptors <= before.descriptors &&
  now.inotify <= before.inotify &&
  now.threads <= before.threads &&
  now.children <= before.children;
