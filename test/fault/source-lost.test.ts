import assert from 'node:assert/strict';
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Imgsync, type LogLine, startImgsync } from '../support/imgsync.js';
import { startReplication } from '../support/replication.js';
import { MemoryDisk, unlessMounting } from '../support/root.js';
import { type RsyncDaemon, rsyncDaemon, rsyncDaemons } from '../support/rsync-daemon.js';
import { Tree, tempDirectory, tempTree } from '../support/temp-tree.js';

const isLost = ({ code, msg }: { code?: unknown; msg: string }) =>
  code === 'SOURCE_LOST' && msg.endsWith('all targets wait');

const paths = Array.from({ length: 20 }, (_, i) => `d${i % 4}/f${i}`);

const fill = (tree: Tree): void => {
  for (const path of paths) tree.write(path, `content of ${path}`);
};

/** What the target has of the files of {@link fill}: one that was deleted and sent again is another. */
const inodes = ({ tree }: RsyncDaemon): bigint[] =>
  paths.map((path) => statSync(tree.at(path), { bigint: true }).ino);

for (const [words, options, standby] of [
  // An rsync that waits for its list stands in the source, and the kernel refuses to unmount what is in use.
  ['unmounted', [], 'off'],
  ['lazily unmounted', ['-l'], 'auto'],
] as const)
  test(`the source is ${words}: no target loses a file, and it goes on when it is back`, {
    skip: unlessMounting,
  }, async (t) => {
    const disk = await MemoryDisk.mount(t, '16m');
    const kept = await disk.bind(t);
    const source = new Tree(disk.path);
    fill(source);
    const daemons = await rsyncDaemons(t, 2);
    const trees = daemons.map(({ path }) => path);
    const targets = daemons.map(({ url }) => url);
    const imgsync = startImgsync(t, { source: disk.path, targets, standby });
    await imgsync.settled(trees);
    const before = daemons.map(inodes);
    await disk.unmount(...options);
    // The mount point is an empty directory now, and somebody writes into it.
    writeFileSync(join(disk.path, 'stray'), 'not of this tree');
    const line = await imgsync.waitForLog(isLost, 'word of the lost source');
    assert.equal(line.level, 'error');
    new Tree(kept.path).write('d1/late', 'written meanwhile');
    assert.deepEqual(daemons.map(inodes), before);
    await disk.mountAgain(kept);
    await imgsync.settled(trees);
    source.write('d1/later', 'it goes on');
    await imgsync.settled(trees);
    assert.deepEqual(daemons.map(inodes), before);
    await imgsync.stop();
  });

test('the source is renamed away under load: no target loses a file', async (t) => {
  const folder = tempDirectory(t, 'place');
  const [path, away] = [join(folder, 'source'), join(folder, 'away')];
  mkdirSync(path);
  const source = new Tree(path);
  fill(source);
  const daemons = await rsyncDaemons(t, 2);
  const imgsync = startImgsync(t, { source: path, targets: daemons.map(({ url }) => url) });
  await imgsync.settled(daemons.map((daemon) => daemon.path));
  const before = daemons.map(inodes);
  for (let i = 0; i < 500; i++) source.write(`d${i % 4}/more${i}`, `${i}`);
  renameSync(path, away);
  mkdirSync(path);
  await imgsync.waitForLog(isLost, 'word of the lost source');
  assert.deepEqual(daemons.map(inodes), before);
  renameSync(path, join(folder, 'other'));
  renameSync(away, path);
  await imgsync.settled(daemons.map((daemon) => daemon.path));
  assert.deepEqual(daemons.map(inodes), before);
});

const isRefused = ({ code }: { code?: unknown; msg: string }) => code === 'SOURCE_EMPTY';

test('a start with an empty mount point, where a target has confirmed files, deletes nothing', {
  skip: unlessMounting,
}, async (t) => {
  const stateDir = tempDirectory(t, 'state');
  const disk = await MemoryDisk.mount(t, '16m');
  const kept = await disk.bind(t);
  fill(new Tree(disk.path));
  const daemon = await rsyncDaemon(t);
  // Not known to this state directory, and not empty.
  const added = await rsyncDaemon(t);
  added.tree.write('old', 'of an earlier life');
  const start = (...targets: readonly string[]): Imgsync =>
    startImgsync(t, {
      source: disk.path,
      targets,
      stateDir,
      retry: { minMs: 100, maxMs: 400, haltedMs: 300 },
    });
  const first = start(daemon.url);
  await first.settled([daemon.path]);
  await first.stop();
  const before = inodes(daemon);
  await disk.unmount('-l');
  const second = start(daemon.url, added.url);
  for (const port of [daemon.port, added.port]) {
    const isOf = (line: LogLine) => isRefused(line) && line.target?.includes(String(port)) === true;
    assert.equal((await second.waitForLog(isOf, 'word of the empty source')).level, 'warn');
  }
  assert.deepEqual(inodes(daemon), before);
  assert.equal(added.tree.read('old').toString(), 'of an earlier life');
  new Tree(kept.path).write('d1/late', 'written meanwhile');
  await disk.mountAgain(kept);
  await second.settled([daemon.path, added.path]);
  assert.deepEqual(inodes(daemon), before);
  await second.stop();
});

for (const crossMounts of [true, false])
  test(`what is mounted below the source, crossMounts ${crossMounts}`, {
    skip: unlessMounting,
  }, async (t) => {
    const source = tempTree(t, { 'd/m/hidden': '1', 'd/f': '1' });
    const disk = await MemoryDisk.mount(t, '16m', source.at('d/m').toString());
    source.write('d/m/inside/f', 'mounted');
    const daemon = await rsyncDaemon(t);
    const imgsync = startImgsync(t, { source: source.path, targets: [daemon.url], crossMounts });
    const inside = { exclude: (path: string) => path.startsWith('d/m/'), ignoreTimes: () => true };
    await imgsync.settled([daemon.path], crossMounts ? {} : inside);
    source.write('d/m/inside/g', 'later');
    source.write('d/g', 'later');
    await imgsync.settled([daemon.path], crossMounts ? {} : inside);
    if (!crossMounts) assert.throws(() => daemon.tree.read('d/m/inside/f'), { code: 'ENOENT' });
    await imgsync.stop();
    await disk.unmount('-l');
  });

test('what was mounted on a directory right after it was made is sent by the next start', {
  skip: unlessMounting,
}, async (t) => {
  const replication = await startReplication(t, { targets: 1, files: { f: '1' } });
  const { source, imgsync } = replication;
  source.makeDirectory('m');
  await replication.settled();
  // Mounting is no event.
  await MemoryDisk.mount(t, '1m', source.at('m').toString());
  source.write('m/inside/f', 'mounted');
  await imgsync.stop();
  await replication.restart();
  await replication.settled();
});
