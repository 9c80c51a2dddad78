import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, ftruncateSync, mkdirSync, openSync, truncateSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { unpackChanges } from '../../src/core/change.js';
import { type Recorder, record, told } from '../support/recorder.js';
import { atEnd, type Scope } from '../support/scope.js';
import { type Tree, tempTree } from '../support/temp-tree.js';

const settleMs = 5;

/** What the watcher says to wait for. */
const settling = async (recorder: Recorder): Promise<string[]> =>
  told([...unpackChanges(await recorder.native.drain())]);

/** Waits until a file that was changed after all others has settled: by then they were asked for their writers. */
const settleAnother = async (recorder: Recorder, tree: Tree): Promise<string[]> => {
  truncateSync(tree.at('other'), 1);
  const changes = told(await recorder.until('other'));
  truncateSync(tree.at('other'), 2);
  return [...changes, ...told(await recorder.until('other'))];
};

/** Runs Python with the tree as working directory; the program ends when its stdin does. */
const python = async (scope: Scope, tree: Tree, program: string): Promise<{ end: () => Promise<void> }> => {
  const child = spawn(
    'python3',
    ['-c', `${program}\nprint('ready', flush=True)\nimport sys; sys.stdin.read()`],
    {
      cwd: tree.path,
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  atEnd(scope, () => child.kill());
  const [output] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  assert.equal(String(output).trim(), 'ready');
  return {
    end: async () => {
      const exited = once(child, 'exit');
      child.stdin.end();
      await exited;
    },
  };
};

test('a file is not told before its writer closes it', async (t) => {
  const tree = tempTree(t, { other: '123', old: '1' });
  const recorder = await record(t, tree.path, { settleMs });
  const fds = ['new', 'old'].map((name) => openSync(tree.at(name), 'a'));
  for (const fd of fds) writeSync(fd, 'half');
  assert.deepEqual(await settleAnother(recorder, tree), ['entry:other', 'entry:other']);
  assert.deepEqual(await settling(recorder), ['entry:new', 'entry:old']);
  assert.equal(recorder.native.stats().settling, 2);
  for (const fd of fds) {
    writeSync(fd, ' and half');
    closeSync(fd);
  }
  assert.deepEqual(told(await recorder.take()), ['entry:new', 'entry:old']);
  assert.deepEqual(await settling(recorder), []);
});

test('a change after a pause does not wait for others', async (t) => {
  const tree = tempTree(t, { 'a/f': '1' });
  const recorder = await record(t, tree.path, { lingerMs: 1_000_000_000 });
  tree.write('a/f', '2');
  assert.deepEqual(told(await recorder.until('a/f')), ['entry:a/f']);
  // One that follows at once is gathered.
  tree.write('a/g', '2');
  assert.deepEqual(told(await recorder.take()), ['entry:a/g']);
  assert.equal(recorder.deliveries, 2);
});

test('modify: true tells of a file that stays open at every settle', async (t) => {
  const tree = tempTree(t, { log: '' });
  const recorder = await record(t, tree.path, { settleMs, modify: true });
  const fd = openSync(tree.at('log'), 'a');
  for (let line = 0; line < 3; line++) {
    writeSync(fd, 'line\n');
    assert.deepEqual(told(await recorder.until('log')), ['entry:log']);
  }
  closeSync(fd);
});

test('a file that is written in a new directory is not told before its writer closes it', async (t) => {
  const tree = tempTree(t, { other: '123' });
  const recorder = await record(t, tree.path, { settleMs });
  const fds: number[] = [];
  for (let i = 0; i < 50; i++) {
    mkdirSync(tree.at(`d${i}/e`), { recursive: true });
    fds.push(openSync(tree.at(`d${i}/e/f`), 'w'));
  }
  const changes = await settleAnother(recorder, tree);
  assert.deepEqual(
    changes.filter((change) => change.endsWith('/f')),
    [],
  );
  assert.equal((await settling(recorder)).filter((change) => change.endsWith('/f')).length, 50);
  for (const fd of fds) closeSync(fd);
  assert.equal(told(await recorder.take()).filter((change) => change.endsWith('/f')).length, 50);
});

test('a file without a name gets one', async (t) => {
  const tree = tempTree(t);
  const recorder = await record(t, tree.path, { settleMs });
  const program = `import os
fd = os.open('.', os.O_TMPFILE | os.O_RDWR)
os.write(fd, b'x')
os.link(f'/proc/self/fd/{fd}', 'named', src_dir_fd=os.open('.', os.O_RDONLY), follow_symlinks=True)
os.close(fd)`;
  await (await python(t, tree, program)).end();
  assert.deepEqual(told(await recorder.until('named')), ['entry:named']);
});

test('a file that is mapped for writing has a writer', async (t) => {
  const tree = tempTree(t, { mapped: 'x'.repeat(10), other: '123' });
  const recorder = await record(t, tree.path, { settleMs });
  const program = `import mmap
file = open('mapped', 'r+b')
file.write(b'y'); file.flush()
memory = mmap.mmap(file.fileno(), 0)
file.close()`;
  const writer = await python(t, tree, program);
  assert.deepEqual(await settleAnother(recorder, tree), ['entry:other', 'entry:other']);
  assert.deepEqual(await settling(recorder), ['entry:mapped']);
  await writer.end();
  assert.deepEqual(told(await recorder.until('mapped')), ['entry:mapped']);
});

test('a file that is never left alone is told nevertheless', async (t) => {
  const tree = tempTree(t, { busy: '12' });
  const recorder = await record(t, tree.path, { settleMs: 50 });
  let isTold = false;
  const waiting = recorder.until('busy').then(() => {
    isTold = true;
  });
  while (!isTold) {
    truncateSync(tree.at('busy'), 1);
    await recorder.native.drain();
  }
  await waiting;
});

test('asking for a writer lets the writer in', async (t) => {
  const tree = tempTree(t, { f: '123' });
  const recorder = await record(t, tree.path, { settleMs: 0 });
  for (let round = 0; round < 2_000; round++) {
    truncateSync(tree.at('f'), round % 3);
    const fd = openSync(tree.at('f'), 'r+');
    ftruncateSync(fd, 3);
    closeSync(fd);
  }
  assert.deepEqual(told(await recorder.take()), ['entry:f']);
});
