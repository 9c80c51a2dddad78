import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { askControl } from '../../src/cli/control-client.js';
import type { SettledReport } from '../../src/daemon/settled.js';
import { imgsyncFast } from '../support/command.js';
import { chooseSeed, Random } from '../support/random.js';
import { type Replication, startReplication } from '../support/replication.js';

/** Saves of the long test; 1,000 take some minutes. */
const saves = Number(process.env.WAIT_SAVES ?? 100);

const ask = async ({ imgsync }: Replication, body: object = {}): Promise<SettledReport> => {
  const { stateDir } = JSON.parse(readFileSync(imgsync.file, 'utf8')) as { readonly stateDir: string };
  return (await askControl(stateDir, 'POST /v1/wait', body, 0)) as SettledReport;
};
const wait = ({ imgsync }: Replication, ...args: readonly string[]) =>
  imgsyncFast('wait', '--config', imgsync.file, ...args);

/** One save, in one of the ways in which programs do it. @returns the path, and what has to be there */
const save = ({ source }: Replication, random: Random, round: number): [string, Buffer | undefined] => {
  const path = `saved/${random.below(4)}/${random.chance(0.3) ? `new-${round}/` : ''}f${random.below(12)}`;
  const content = random.bytes(random.chance(0.1) ? 300_000 : 1 + random.below(3) * 100);
  const way = random.pick(['write', 'rename', 'pieces', 'remove', 'twice', 'move directory'] as const);
  if (way === 'remove') {
    source.remove(path);
    return [path, undefined];
  }
  if (way === 'rename') {
    source.write(`${path}.tmp`, content);
    source.move(`${path}.tmp`, path);
  } else if (way === 'pieces') {
    source.write(path, '');
    const fd = openSync(source.at(path), 'w');
    for (let at = 0; at < content.length; at += 100) writeSync(fd, content.subarray(at, at + 100));
    closeSync(fd);
  } else if (way === 'move directory') {
    source.write(`elsewhere/${round}/inner/f`, content);
    renameSync(source.at(`elsewhere/${round}`), source.at(`saved/moved-${round}`));
    return [`saved/moved-${round}/inner/f`, content];
  } else {
    if (way === 'twice') source.write(path, random.bytes(content.length));
    source.write(path, content);
  }
  return [path, content];
};

/** Some hundred changes a second beside the saves: new files, rewritten ones, moves and deletes. @returns ends it */
const keepBusy = ({ source }: Replication, random: Random): (() => void) => {
  const timer = setInterval(() => {
    for (let i = 0; i < 3; i++) {
      const path = `load/${random.below(20)}/f${random.below(200)}`;
      if (random.chance(0.1)) source.remove(path);
      else source.write(path, random.bytes(random.below(2_000)));
      if (random.chance(0.1) && source.has(path)) source.move(path, `load/moved-${random.below(100)}`);
    }
  }, 10);
  return () => clearInterval(timer);
};

test(`wait: after each of ${saves} saves under load every target has the bytes`, async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`SEED=${seed}`);
  const random = new Random(seed);
  const replication = await startReplication(t, { targets: 3, files: { 'load/a': 'a', 'saved/a': 'a' } });
  const stopLoad = keepBusy(replication, new Random(seed + 1));
  let longest = 0;
  try {
    for (let round = 0; round < saves; round++) {
      const [path, content] = save(replication, random, round);
      const began = performance.now();
      const report = await ask(replication, random.chance(0.5) ? { paths: [path] } : {});
      longest = Math.max(longest, performance.now() - began);
      assert.equal(report.settled, true, JSON.stringify(report));
      for (const target of replication.targets) {
        const found = target.has(path) ? target.read(path) : undefined;
        assert.ok(
          content === undefined ? found === undefined : found?.equals(content) === true,
          `round ${round}: ${path} is not at ${target.path} as it was saved`,
        );
      }
    }
  } finally {
    stopLoad();
  }
  t.diagnostic(`longest wait: ${Math.round(longest)} ms`);
});

test('wait: with a target that is down the time is over with 3, and enough others are enough', async (t) => {
  const replication = await startReplication(t, { targets: 3, files: { a: 'one' } });
  await replication.settled();
  await replication.daemons[1]?.stop();
  replication.source.write('a', 'two');
  assert.equal((await ask(replication, { targets: 2 })).settled, true);
  assert.deepEqual(
    replication.targets.map((target) => target.read('a').toString()),
    ['two', 'one', 'two'],
  );
  const all = await wait(replication, '--timeout', '1s');
  assert.equal(all.code, 3, all.stderr);
  assert.equal(all.stdout, '');
  assert.match(all.stderr, /^not in sync after 1s: targets lack changes$/m);
  assert.match(all.stderr, /^target-2: .*CONNECTION/m);
  const json = await wait(replication, '--timeout', '100ms', '--json', '--target', 'target-1,target-2');
  assert.equal(json.code, 3);
  const { schema, targets } = JSON.parse(json.stdout) as SettledReport & { readonly schema: string };
  assert.equal(schema, 'imgsync-fast/wait/1');
  assert.deepEqual(
    targets.map(({ name, settled }) => [name, settled]),
    [
      ['target-1', true],
      ['target-2', false],
    ],
  );
  assert.equal((await wait(replication, '--target', 'target-3')).code, 0);
  // What the target that is down lacks does not concern this path.
  assert.equal((await wait(replication, '--path', 'never-there')).code, 0);
  const waiting = wait(replication, '--timeout', '1m', '--path', 'a');
  await replication.daemons[1]?.start();
  assert.equal((await waiting).code, 0);
  assert.equal(replication.targets[1]?.read('a').toString(), 'two');
});

test('wait: a file that is being written is not there before its writer has closed it', async (t) => {
  const replication = await startReplication(t, { targets: 1, files: { other: 'x' } });
  await replication.settled();
  const { source } = replication;
  const fd = openSync(source.at('open'), 'w');
  writeSync(fd, 'half');
  const path = String(source.at('open'));
  for (const args of [[], ['--path', path], ['--path', '.']]) {
    const late = await wait(replication, '--timeout', '300ms', ...args);
    assert.equal(late.code, 3, late.stderr);
    assert.match(late.stderr, /^open: is being written/m);
  }
  assert.equal((await wait(replication, '--path', 'other')).code, 0);
  const waiting = ask(replication, { paths: ['open'] });
  writeSync(fd, ' and whole');
  closeSync(fd);
  assert.equal((await waiting).settled, true);
  assert.equal(replication.targets[0]?.read('open').toString(), 'half and whole');
});

test('wait: what never comes, or makes no sense, is answered at once', async (t) => {
  const replication = await startReplication(t, {
    targets: 1,
    files: { 'a.tmp': '1', 'hidden/b': '2', c: '3' },
    config: { exclude: ['*.tmp', '/hidden/'] },
  });
  const answer = await wait(replication, '--timeout', '1h', '--path', 'a.tmp', '--path', 'hidden/b');
  assert.equal(answer.code, 1);
  assert.match(answer.stderr, /^a\.tmp: never gets .*"\*\.tmp" at \/exclude\/0 /m);
  assert.match(answer.stderr, /^hidden: never gets .*"\/hidden\/" at \/exclude\/1 /m);
  for (const [args, message] of [
    [['--target', 'nobody'], /there is no target "nobody": the targets are target-1/],
    [['--target', '2'], /2 of 1 targets/],
    [['--path', '/etc/passwd'], /is not in the source/],
    [['--path', '../x'], /is not in the source/],
    [['--timeout', 'soon'], /"soon" is no time/],
  ] as const) {
    const { code, stderr } = await wait(replication, ...args);
    assert.equal(code, 64, stderr);
    assert.match(stderr, message);
  }
  await replication.imgsync.stop();
  const { code, stderr } = await wait(replication);
  assert.equal(code, 69);
  assert.match(stderr, /no imgsync-fast runs with the state directory .*: start it/);
});

test('wait: at a start it waits for the comparison', async (t) => {
  const replication = await startReplication(t, { targets: 2, files: { a: 'one' } });
  await replication.settled();
  const { imgsync, source } = replication;
  await imgsync.stop();
  for (let i = 0; i < 300; i++) source.write(`d${i % 30}/f${i}`, String(i));
  await replication.restart();
  assert.equal((await ask(replication)).settled, true);
  for (const target of replication.targets)
    for (let i = 0; i < 300; i++) assert.equal(target.read(`d${i % 30}/f${i}`).toString(), String(i));
});
