import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  lutimesSync,
  openSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { test } from 'node:test';
import { startReplication } from '../support/replication.js';
import { python, shell } from '../support/run.js';
import { type Tree, tempTree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

const isRoot = process.getuid?.() === 0;

/** System calls that node doesn't have. */
const syscalls = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, AT_SYMLINK_FOLLOW = -100, 0x400
def checked(result):
    if result != 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
def exchange(a, b): checked(libc.renameat2(AT_FDCWD, a, AT_FDCWD, b, 2))
def unnamed(folder, name, text):
    fd = os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o644)
    os.write(fd, text)
    checked(libc.linkat(AT_FDCWD, b'/proc/self/fd/%d' % fd, AT_FDCWD, name, AT_SYMLINK_FOLLOW))
    return fd
`;

type Step = readonly [name: string, act: (source: Tree, outside: Tree) => unknown];

/** One after the other in one tree. Nothing but the step itself happens until it is on all targets. */
const steps: readonly Step[] = [
  ['an empty file', (tree) => closeSync(openSync(tree.at('empty'), 'w'))],
  ['a file', (tree) => tree.write('file', 'one')],
  ['appending', (tree) => tree.append('file', ' two')],
  ['writing in the middle', (tree) => within(tree, 'file', (fd) => writeSync(fd, 'X', 1))],
  ['save by rename', (tree) => shell(tree.path, 'echo new > file~; mv file~ file')],
  ['truncate(2) to less', (tree) => truncateSync(tree.at('file'), 2)],
  ['truncate(2) to more', (tree) => truncateSync(tree.at('file'), 100_000)],
  ['truncate(2) to nothing', (tree) => truncateSync(tree.at('file'), 0)],
  ['chmod', (tree) => chmodSync(tree.at('file'), 0o4750)],
  ['utimes', (tree) => utimesSync(tree.at('file'), 1_000_000_000.123, 1_000_000_000.456)],
  ['a symlink', (tree) => tree.link('link', 'file')],
  ['a dangling symlink', (tree) => tree.link('dangling', 'no\xff where')],
  ['a symlink that is retargeted', (tree) => shell(tree.path, 'ln -sfn empty link')],
  ['times of a symlink', (tree) => lutimesSync(tree.at('link'), 1_000_000_000, 1_100_000_000)],
  ['a fifo', (tree) => shell(tree.path, 'mkfifo fifo')],
  ['mode of a fifo', (tree) => chmodSync(tree.at('fifo'), 0o600)],
  ['a hard link', (tree) => linkSync(tree.at('file'), tree.at('second'))],
  ['a change through the second name', (tree) => tree.append('second', 'through the second')],
  ['a change through the first name', (tree) => tree.append('file', 'through the first')],
  ['truncate(2) through the second name', (tree) => truncateSync(tree.at('second'), 5)],
  ['chmod through the second name', (tree) => chmodSync(tree.at('second'), 0o640)],
  ['unlinking the first name', (tree) => unlinkSync(tree.at('file'))],
  ['a directory', (tree) => tree.makeDirectory('d')],
  ['mode of a directory', (tree) => chmodSync(tree.at('d'), 0o750)],
  ['times of a directory', (tree) => utimesSync(tree.at('d'), 1_000_000_000, 1_000_000_000)],
  ['mkdir -p and a file', (tree) => shell(tree.path, 'mkdir -p d/e/f/g && echo x > d/e/f/g/h')],
  [
    'O_TMPFILE and linkat',
    (tree) => python(tree.path, `${syscalls}os.close(unnamed('d', b'd/unnamed', b'text'))`),
  ],
  [
    'O_TMPFILE in a new directory',
    (tree) => python(tree.path, `${syscalls}os.mkdir('n'); unnamed('n', b'n/u', b't')`),
  ],
  ['a file renamed', (tree) => tree.move('d/e/f/g/h', 'd/e/h')],
  ['a directory renamed', (tree) => tree.move('d/e', 'e2')],
  ['a directory renamed into another', (tree) => tree.move('e2', 'd/e3')],
  ['a directory renamed over an empty one', (tree) => shell(tree.path, 'mkdir none; mv -T d/e3 none')],
  ['a file renamed over another', (tree) => tree.move('none/h', 'd/unnamed')],
  [
    'a file renamed over its own hard link',
    (tree) => python(tree.path, "import os; os.link('second', 'x'); os.rename('second', 'x')"),
  ],
  ['RENAME_EXCHANGE of directories', (tree) => python(tree.path, `${syscalls}exchange(b'd', b'none')`)],
  [
    'RENAME_EXCHANGE of a file and a directory',
    (tree) => python(tree.path, `${syscalls}exchange(b'empty', b'none')`),
  ],
  ['a file that becomes a directory', (tree) => shell(tree.path, 'rm none; mkdir none; echo x > none/x')],
  ['a directory that becomes a file', (tree) => shell(tree.path, 'rm -r none; echo x > none')],
  ['a file that becomes a symlink to a directory', (tree) => shell(tree.path, 'rm none; ln -s d none')],
  [
    'a symlink to a directory that becomes one',
    (tree) => shell(tree.path, 'rm none; mkdir none; echo y > none/y'),
  ],
  [
    'a tree that is moved in',
    (tree, outside) => shell(outside.path, `mkdir -p in/a/b; echo x > in/a/b/c; mv in '${tree.path}/in'`),
  ],
  ['a tree that is moved out', (tree, outside) => shell(tree.path, `mv in '${outside.path}/out'`)],
  [
    'a file through copy_file_range',
    (tree) => shell(tree.path, 'cp --reflink=auto second copy 2>/dev/null || cp x copy'),
  ],
  [
    'a sparse file',
    (tree) => shell(tree.path, 'dd if=/dev/zero of=sparse bs=1 count=1 seek=1000000 2>/dev/null'),
  ],
  ['cp -a of a tree', (tree) => shell(tree.path, 'cp -a d d-copy')],
  ['rmdir', (tree) => shell(tree.path, 'mkdir gone; rmdir gone; rm -r n; mkdir n; rmdir n')],
  ['rm -rf of a tree', (tree) => shell(tree.path, 'rm -rf d-copy d')],
  ['unlinking', (tree) => unlinkSync(tree.at('sparse'))],
  ['rm -rf of a tree that was there before the start', (tree) => tree.remove('old')],
];

const rootSteps: readonly Step[] = [
  ['chown of a file', (tree) => chownSync(tree.at('owned'), 12, 34)],
  ['chown of a directory', (tree) => chownSync(tree.at('owned-d'), 56, 78)],
  ['chown of a symlink', (tree) => shell(tree.path, 'ln -s owned owned-l; chown -h 9:8 owned-l')],
  ['a device', (tree) => shell(tree.path, 'mknod null c 1 3; mknod loop b 7 99')],
  ['another device of that name', (tree) => shell(tree.path, 'rm null; mknod null c 1 5')],
];

const within = (tree: Tree, path: string, act: (fd: number) => void): void => {
  const fd = openSync(tree.at(path), 'r+');
  act(fd);
  closeSync(fd);
};

test('every kind of change arrives', async (t) => {
  const replication = await startReplication(t, {
    files: { owned: '1', 'owned-d/f': '1', 'old/a/b': '' },
  });
  const outside = tempTree(t);
  for (const [name, act] of isRoot ? [...steps, ...rootSteps] : steps) {
    await t.test(name, async () => {
      await act(replication.source, outside);
      await replication.settled();
    });
  }
  replication.assertNoRepair();
});

test('a file is not sent while it is being written', async (t) => {
  const replication = await startReplication(t, { targets: 1 });
  const { source, targets, imgsync } = replication;
  const [target] = targets;
  assert.ok(target);
  const upload = openSync(source.at('upload'), 'w');
  writeSync(upload, 'first half');
  // Far longer than it takes to see that nobody writes any more.
  const until = performance.now() + 1_500;
  for (let i = 0; performance.now() < until; i++) {
    source.write('beside', `${i}`);
    await waitFor(
      () => {
        imgsync.assertRunning();
        return hasContent(target, 'beside', `${i}`);
      },
      { what: `save ${i}` },
    );
    assert.throws(() => target.read('upload'), { code: 'ENOENT' });
  }
  writeSync(upload, ', second half');
  closeSync(upload);
  await replication.settled();
  assert.equal(target.read('upload').toString(), 'first half, second half');
});

const hasContent = (tree: Tree, path: string, content: string): boolean => {
  try {
    return tree.read(path).toString() === content;
  } catch {
    return false;
  }
};
