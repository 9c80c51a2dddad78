import assert from 'node:assert/strict';
import { chmodSync, chownSync, lstatSync, readFileSync, utimesSync } from 'node:fs';
import { test } from 'node:test';
import { startImgsync } from '../support/imgsync.js';
import { startReplication } from '../support/replication.js';
import { rsyncDaemon } from '../support/rsync-daemon.js';
import { sshServer } from '../support/ssh-server.js';
import { type Tree, tempTree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

const isRoot = process.getuid?.() === 0;
const needsRoot = isRoot ? false : 'only root sets owners';

/** Mode, owner and group of an entry. */
const seen = (tree: Tree, path: string): string => {
  const { mode, uid, gid } = lstatSync(tree.at(path));
  return `${(mode & 0o7777).toString(8)} ${uid}:${gid}`;
};
const arrives = (tree: Tree, path: string, expected: string): Promise<void> =>
  waitFor(() => tree.has(path) && (seen(tree, path) === expected || seen(tree, path)), {
    what: `${path} as ${expected}`,
  });

test('chmod, chown and fsync: everything arrives as they say, changes of its own too', {
  skip: needsRoot,
}, async (t) => {
  const rsync = { chmod: 'D2750,F640', chown: '1234:4321', fsync: true };
  const { source, targets } = await startReplication(t, { config: { rsync } });
  source.write('new/file.jpg', 'x');
  for (const target of targets) {
    await arrives(target, 'new/file.jpg', '640 1234:4321');
    await arrives(target, 'new', '2750 1234:4321');
  }
  chmodSync(source.at('new/file.jpg'), 0o777);
  source.write('new/second.jpg', 'y');
  for (const target of targets) {
    await arrives(target, 'new/second.jpg', '640 1234:4321');
    assert.equal(seen(target, 'new/file.jpg'), '640 1234:4321');
  }
});

test('usermap and groupmap change who they name', { skip: needsRoot }, async (t) => {
  const rsync = { usermap: '1000:2000,*:3000', groupmap: '1000:2001' };
  const { source, targets } = await startReplication(t, { targets: 1, config: { rsync } });
  const [target] = targets;
  assert.ok(target !== undefined);
  source.write('a.jpg', 'x');
  chmodSync(source.at('a.jpg'), 0o644);
  chownSync(source.at('a.jpg'), 1000, 1000);
  source.write('b.jpg', 'x');
  chmodSync(source.at('b.jpg'), 0o644);
  chownSync(source.at('b.jpg'), 5, 6);
  await arrives(target, 'a.jpg', '644 2000:2001');
  await arrives(target, 'b.jpg', '644 3000:6');
});

const backup = { exclude: ['/.backup/'], rsync: { backupDir: '.backup' } };

test('backupDir takes what is replaced and what is deleted, and is not deleted itself', async (t) => {
  const files = { 'a.jpg': 'first', 'dir/b.jpg': 'gone soon', 'dir/deep/c.jpg': 'gone too' };
  const replication = await startReplication(t, { targets: 1, files, config: backup });
  const { source, targets } = replication;
  const [target] = targets;
  assert.ok(target !== undefined);
  await replication.settled();
  source.write('a.jpg', 'second');
  source.remove('dir');
  source.write('new.jpg', 'x');
  await waitFor(
    () => target.has('new.jpg') && !target.has('dir') && target.read('a.jpg').toString() === 'second',
    {
      what: 'the changes',
    },
  );
  const kept = (path: string) => target.read(`.backup/${path}`).toString();
  assert.deepEqual(
    [kept('a.jpg'), kept('dir/b.jpg'), kept('dir/deep/c.jpg')],
    ['first', 'gone soon', 'gone too'],
  );
  // A comparison of the root with its deletes, too.
  await replication.imgsync.stop();
  source.write('late.jpg', 'x');
  await replication.restart();
  await waitFor(() => target.has('late.jpg'), { what: 'the comparison' });
  assert.equal(kept('a.jpg'), 'first');
});

test('tempDir is where files are received', async (t) => {
  const config = {
    exclude: ['/.receiving/'],
    rsync: { tempDir: '.receiving' },
    retry: { haltedMs: 200 },
  };
  const replication = await startReplication(t, {
    targets: 1,
    config,
    before: ({ tree }) => tree.makeDirectory('.receiving'),
  });
  const { source, targets } = replication;
  const [target] = targets;
  assert.ok(target !== undefined);
  source.write('a.jpg', 'x');
  await waitFor(() => target.has('a.jpg'), { what: 'the file' });
  // Without it nothing arrives, and it is said why.
  target.remove('.receiving');
  source.write('b.jpg', 'x');
  await replication.imgsync.waitForLog(({ code }) => code === 'TEMP_DIR_MISSING', 'the reason');
  assert.ok(!target.has('b.jpg'));
  target.makeDirectory('.receiving');
  await waitFor(() => target.has('b.jpg'), { what: 'the file that waited' });
});

const old = new Date(1_000_000_000_000);

test('update leaves alone what is newer at the target', async (t) => {
  const config = { rsync: { update: true }, delete: false };
  const replication = await startReplication(t, {
    targets: 1,
    config,
    before: ({ tree }) => tree.write('kept.jpg', 'newer'),
  });
  const { source, targets } = replication;
  const [target] = targets;
  assert.ok(target !== undefined);
  source.write('kept.jpg', 'older');
  utimesSync(source.at('kept.jpg'), old, old);
  // Sent after it, in the same lane.
  source.write('last.jpg', 'x');
  await waitFor(() => target.has('last.jpg'), { what: 'the other file' });
  await replication.imgsync.waitForLog(({ msg, state }) => msg === 'state' && state === 'idle', 'idle');
  assert.equal(target.read('kept.jpg').toString(), 'newer');
});

test('checksum finds what size and time do not tell', async (t) => {
  const source = tempTree(t, { 'a.jpg': 'good' });
  utimesSync(source.at('a.jpg'), old, old);
  const targets = await Promise.all(
    [false, true].map(async (checksum) => {
      const daemon = await rsyncDaemon(t);
      daemon.tree.write('a.jpg', 'evil');
      utimesSync(daemon.tree.at('a.jpg'), old, old);
      return { daemon, target: { url: daemon.url, rsync: { checksum } } };
    }),
  );
  const imgsync = startImgsync(t, { source: source.path, targets: targets.map(({ target }) => target) });
  for (const { target } of targets)
    await imgsync.waitForLog(
      (line) => line.msg === 'reconcile finished' && line.target === target.url.replace('rsync://', ''),
      'end of the first sync',
    );
  assert.deepEqual(
    targets.map(({ daemon }) => daemon.tree.read('a.jpg').toString()),
    ['evil', 'good'],
  );
});

test('the same options behind ssh, with compression, whole files and a limit of bandwidth', {
  skip: needsRoot,
}, async (t) => {
  const server = await sshServer(t);
  const source = tempTree(t, { 'dir/a.jpg': 'x'.repeat(100_000) });
  const target = tempTree(t);
  const { port, user, identityFile, knownHostsFile } = server;
  startImgsync(t, {
    source: source.path,
    exclude: ['/.backup/'],
    targets: [
      {
        url: `ssh://${user}@127.0.0.1:${port}${target.path}`,
        ssh: { identityFile, knownHostsFile },
        bandwidthLimit: '10m',
        rsync: {
          chmod: 'F600',
          chown: '1234:4321',
          backupDir: '.backup',
          compress: true,
          wholeFile: true,
          checksum: true,
          fsync: true,
          tempDir: '/tmp',
        },
      },
    ],
  });
  await arrives(target, 'dir/a.jpg', '600 1234:4321');
  source.write('dir/a.jpg', 'y');
  await waitFor(() => readFileSync(target.at('dir/a.jpg'), 'utf8') === 'y', { what: 'the change' });
  assert.equal(target.read('.backup/dir/a.jpg').toString(), 'x'.repeat(100_000));
});
