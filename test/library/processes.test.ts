import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { libraryUrl, runProgram, setting } from '../support/embedded.js';
import { limited, unlessNamespaces } from '../support/root.js';

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

test('watching that can not go on is the event failed, and the end', {
  skip: unlessNamespaces,
}, async (t) => {
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
  const { exitCode, output, errors } = await runProgram(
    t,
    ['--input-type=module', '-e', program],
    limited('max_inotify_watches', 3),
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
