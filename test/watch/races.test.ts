import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { coverOf, record, told } from '../support/recorder.js';
import { atEnd, removeAtEnd } from '../support/scope.js';
import { Tree, tempDirectory, tempTree } from '../support/temp-tree.js';

test('what is made in a directory before it can be watched is told', async (t) => {
  const tree = tempTree(t);
  const recorder = await record(t, tree.path);
  for (let round = 0; round < 200; round++) tree.write(`${round}/a/b/c/f`, `${round}`);
  const isCovered = coverOf(await recorder.take());
  const paths = Array.from({ length: 200 }, (_, round) => [
    `${round}`,
    `${round}/a/b/c`,
    `${round}/a/b/c/f`,
  ]).flat();
  assert.deepEqual(
    paths.filter((path) => !isCovered(path)),
    [],
  );
});

test('changes below directories that are renamed again and again are told under the last name', async (t) => {
  const tree = tempTree(t, { 'a0/b0/c/f': '1' });
  const recorder = await record(t, tree.path);
  for (let round = 1; round <= 200; round++) {
    tree.move(`a${round - 1}/b${round - 1}`, `a${round - 1}/b${round}`);
    tree.write(`a${round - 1}/b${round}/c/n${round}`, '');
    tree.move(`a${round - 1}`, `a${round}`);
    tree.makeDirectory(`a${round}/b${round}/d${round}/e`);
  }
  await recorder.take();
  const paths = ['a200/b200/c/g', 'a200/b200/d7/e/g', 'a200/b200/d200/e/g'];
  for (const path of paths) tree.write(path, '1');
  assert.deepEqual(told(await recorder.take()), paths.map((path) => `entry:${path}`).sort());
  // The root, a200, b200 and c, and d of each round with e.
  await recorder.untilKnown(4 + 200 * 2);
});

test('a directory goes out of the tree and comes back', async (t) => {
  const outside = tempDirectory(t);
  const tree = tempTree(t, { 'a/b/f': '1', 'c/x': '' });
  const recorder = await record(t, tree.path);
  for (let round = 0; round < 100; round++) {
    renameSync(tree.at(round % 2 === 0 ? 'a' : 'c/a'), `${outside}/a`);
    renameSync(`${outside}/a`, tree.at(round % 2 === 0 ? 'c/a' : 'a'));
  }
  await recorder.take();
  tree.write('a/b/g', '1');
  assert.deepEqual(told(await recorder.take()), ['entry:a/b/g']);
});

test('a name is now one directory, now another', async (t) => {
  const tree = tempTree(t);
  const recorder = await record(t, tree.path);
  for (let round = 0; round < 300; round++) {
    mkdirSync(tree.at('d'));
    writeFileSync(tree.at('d/f'), '');
    tree.remove('d/f');
    rmdirSync(tree.at('d'));
  }
  tree.makeDirectory('d/e');
  await recorder.take();
  tree.write('d/e/f', '1');
  assert.deepEqual(told(await recorder.take()), ['entry:d/e/f']);
});

test('a tree deeper than the longest path is watched', async (t) => {
  const tree = tempTree(t);
  const name = 'n'.repeat(200);
  const home = process.cwd();
  // Node's own removal takes no paths of this length.
  atEnd(t, () => execFileSync('rm', ['-rf', tree.path]));
  atEnd(t, () => process.chdir(home));
  const depth = 60; // 12,000 bytes
  const descend = (from: string, levels: number): void => {
    process.chdir(from);
    for (let level = 0; level < levels; level++) {
      mkdirSync(name);
      process.chdir(name);
    }
  };
  descend(tree.path, depth / 2);
  const recorder = await record(t, tree.path);
  for (let level = depth / 2; level < depth; level++) {
    mkdirSync(name);
    process.chdir(name);
  }
  writeFileSync('f', '1');
  const deep = Array.from({ length: depth }, () => name).join('/');
  assert.ok(coverOf(await recorder.take())(`${deep}/f`));
  writeFileSync('g', '1');
  assert.deepEqual(told(await recorder.take()), [`entry:${deep}/g`]);
  process.chdir(home);
  tree.move(name, 'top');
  await recorder.take();
  const stats = recorder.native.stats();
  assert.equal(stats.watches, depth + 1);
});

test('a burst of 100,000 files is told whole, without memory for each afterwards', async (t) => {
  // In memory: the disk would be tested, not the watcher.
  const tree = new Tree(mkdtempSync(existsSync('/dev/shm') ? '/dev/shm/imgsync-' : `${tmpdir()}/imgsync-`));
  removeAtEnd(t, tree.path);
  const recorder = await record(t, tree.path);
  const script = 'for d in $(seq 100); do mkdir "$d"; (cd "$d" && seq -f "f%g" 1000 | xargs touch); done';
  const child = spawn('sh', ['-c', script], { cwd: tree.path, stdio: 'ignore' });
  await once(child, 'exit');
  const isCovered = coverOf(await recorder.take());
  let missed = 0;
  for (let d = 1; d <= 100; d++) for (let f = 1; f <= 1000; f++) if (!isCovered(`${d}/f${f}`)) missed++;
  assert.equal(missed, 0);
  const { pending, directories, watches, overflows } = recorder.native.stats();
  assert.deepEqual(
    { pending, directories, watches, overflows },
    { pending: 0, directories: 101, watches: 101, overflows: 0 },
  );
});
