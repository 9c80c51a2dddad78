import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { renameSync } from 'node:fs';
import { test } from 'node:test';
import { type Replication, startReplication } from '../support/replication.js';
import type { Tree } from '../support/temp-tree.js';

/** Every file has the same size and, to the nanosecond, the same time, as after unpacking an archive. */
const time = '@1700000000.123456789';
const setTime = (tree: Tree, ...paths: readonly string[]) =>
  execFileSync('touch', ['-d', time, ...paths.map((path) => String(tree.at(path)))]);
const rename = (tree: Tree, from: string, to: string) => renameSync(tree.at(from), tree.at(to));

const numbers = Array.from({ length: 40 }, (_, i) => i);
const directories = [
  'edited',
  'over',
  'moved',
  'left',
  'right',
  'gone',
  'successor',
  'crowd',
  'big',
  'linked',
];
const files = Object.fromEntries(
  directories.flatMap((directory) =>
    numbers.map((i) => [`${directory}/f${i}`, `${directory.padEnd(10)} ${String(i).padStart(4)}`]),
  ),
);
const other = (text: string) => text.padEnd(15);

const setAll = (tree: Tree) =>
  execFileSync('find', [tree.path, '-type', 'f', '-exec', 'touch', '-d', time, '{}', '+']);

/** Changes that leave size and time of what a name stands for as they were. */
const changes: Readonly<Record<string, (tree: Tree) => void>> = {
  'a file is written in its place': (tree) => {
    tree.write('edited/f1', other('edited'));
    setTime(tree, 'edited/f1');
  },
  'a file is replaced by another one': (tree) => {
    tree.write('../replacement', other('replaced'));
    setTime(tree, '../replacement');
    rename(tree, '../replacement', 'over/f2');
  },
  'a file is moved over its neighbour': (tree) => rename(tree, 'moved/f3', 'moved/f4'),
  'two directories change places': (tree) => {
    rename(tree, 'left', 'between');
    rename(tree, 'right', 'left');
    rename(tree, 'between', 'right');
  },
  'a directory is removed and another one takes its name': (tree) => {
    tree.remove('gone');
    rename(tree, 'successor', 'gone');
  },
  'all of a crowded directory is written': (tree) => {
    for (const i of numbers) tree.write(`crowd/f${i}`, other(`crowd ${i}`));
    setTime(tree, ...numbers.map((i) => `crowd/f${i}`));
  },
  'a big file is written in its place': (tree) => {
    tree.write('big/huge', 'y'.repeat(100_000));
    setTime(tree, 'big/huge');
  },
};

const start = async (
  t: Parameters<typeof startReplication>[0],
  options: Parameters<typeof startReplication>[1] = {},
) => {
  const replication = await startReplication(t, {
    files: { ...files, 'big/huge': 'x'.repeat(100_000) },
    ...options,
    config: { batch: { bigFileBytes: '50k' }, ...options.config },
  });
  await replication.firstSyncDone();
  setAll(replication.source);
  await replication.settled();
  return replication;
};

const bytesSent = ({ imgsync }: Replication) =>
  imgsync.logs.reduce(
    (sum, { msg, literalBytes }) => sum + (msg === 'delivered' ? Number(literalBytes) : 0),
    0,
  );

test('changes behind the same size and time are replicated', async (t) => {
  const replication = await start(t);
  for (const change of Object.values(changes)) {
    change(replication.source);
    await replication.settled();
  }
  replication.assertNoRepair();
});

test('changes behind the same size and time, all at once', async (t) => {
  const replication = await start(t);
  for (const change of Object.values(changes)) change(replication.source);
  await replication.settled();
});

test('changes behind the same size and time that were made while it was down are found by the next start', async (t) => {
  const replication = await start(t);
  await replication.imgsync.stop();
  for (const change of Object.values(changes)) change(replication.source);
  await replication.restart();
  await replication.settled();
});

test('a target whose daemon refuses to compare content gets them, too', async (t) => {
  const replication = await start(t, {
    before: (daemon) => daemon.configure((text) => `${text}\nrefuse options = checksum\n`),
  });
  for (const change of Object.values(changes)) change(replication.source);
  await replication.settled();
  assert.deepEqual(
    replication.imgsync.logs.filter(({ level }) => level === 'warn' || level === 'error'),
    [],
  );
});

test('a change of attributes alone sends no content', async (t) => {
  const replication = await start(t);
  const before = bytesSent(replication);
  execFileSync('chmod', ['-R', 'o-r', replication.source.path]);
  await replication.settled();
  assert.equal(bytesSent(replication), before);
});
