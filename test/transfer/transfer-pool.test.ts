import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Change, unpackChanges } from '../../src/core/change.js';
import { asRelPath, ROOT } from '../../src/core/path.js';
import type { Target } from '../../src/core/target.js';
import type { TransferRequest } from '../../src/transfer/messages.js';
import type { TransferPool } from '../../src/transfer/pool.js';
import { acknowledged, entries, poolFor, request } from '../support/batches.js';
import { compareTrees } from '../support/compare-trees.js';
import { freePort } from '../support/free-port.js';
import { rsyncDaemon } from '../support/rsync-daemon.js';
import { identityOf, targetAt, targetOf } from '../support/targets.js';
import { type Tree, tempDirectory, tempTree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

const isRoot = process.getuid?.() === 0;

const failure = (outcome: { result: string; failure?: { code: string } }) =>
  `${outcome.result} ${outcome.failure?.code}`;

test('for one target one thread is started, and another with the second target', async (t) => {
  const source = tempTree(t, { file: 'x' });
  const targets = [await rsyncDaemon(t), await rsyncDaemon(t)].map((daemon) => targetOf(daemon));
  // Names of threads are those of the process, but each worker has a section of its own in the diagnostic report.
  const workers = () => (process.report.getReport() as { readonly workers: unknown[] }).workers.length;
  const before = workers();
  const pool = poolFor(t, 1);
  for (const [index, target] of targets.entries()) {
    acknowledged(
      await pool.submit(request(source, { ...target, name: `target${index}` }, entries('file'))).outcome,
    );
    assert.equal(workers() - before, index + 1);
  }
});

test('a batch of new, changed, deleted and flipped paths makes the target equal', async (t) => {
  const source = tempTree(t, {
    'a/new': '1',
    changed: 'new content',
    'file-to-dir/inner': 'x',
    'dir-to-file': 'y',
  });
  source.link('link', 'a/new');
  const daemon = await rsyncDaemon(t);
  for (const [path, content] of Object.entries({
    'gone/deep/file': 'z',
    changed: 'old',
    'file-to-dir': '',
    'dir-to-file/x': '',
  }))
    daemon.tree.write(path, content);
  const changes = entries('a/new', 'changed', 'gone/deep/file', 'file-to-dir/inner', 'dir-to-file', 'link');
  const { stats, stuck } = acknowledged(
    await poolFor(t).submit(request(source, targetOf(daemon), changes)).outcome,
  );
  assert.deepEqual(await compareTrees(source.path, daemon.path), []);
  assert.deepEqual(stuck, []);
  assert.equal(stats.files, 4);
  assert.ok(stats.deleted >= 1 && stats.sentBytes > 0);
});

test('a subtree goes as a whole, a directory takes away what the source does not have', async (t) => {
  const source = tempTree(t, { 'tree/a/b/c': '1', 'tree/d': '2', 'dir/keep': '3' });
  const daemon = await rsyncDaemon(t);
  daemon.tree.write('dir/extra', 'x');
  daemon.tree.write('dir/sub/extra', 'x');
  const changes: Change[] = [
    { kind: 'tree', path: asRelPath('tree') },
    { kind: 'directory', path: asRelPath('dir') },
    { kind: 'directory', path: asRelPath('') },
  ];
  acknowledged(await poolFor(t).submit(request(source, targetOf(daemon), changes)).outcome);
  assert.deepEqual(await compareTrees(source.path, daemon.path), []);
});

test('held deletes leave the target as it is, all else flows, and they are told', async (t) => {
  const source = tempTree(t, { new: '1', 'dir/keep': '2' });
  const daemon = await rsyncDaemon(t);
  for (const path of ['gone/a', 'gone/b', 'dir/extra/a', 'dir/extra/b']) daemon.tree.write(path, 'x');
  const changes: Change[] = [
    ...entries('new', 'gone/a', 'gone/b'),
    { kind: 'directory', path: asRelPath('dir') },
  ];
  const pool = poolFor(t);
  const target = targetOf(daemon);
  const { held, heldEntries } = acknowledged(
    await pool.submit(request(source, target, changes, { holdDeletes: true })).outcome,
  );
  assert.deepEqual(Array.from(unpackChanges(held), ({ path }) => path).sort(), ['dir/extra', 'gone']);
  assert.deepEqual(heldEntries, [3, 3]);
  for (const path of ['gone/a', 'gone/b', 'dir/extra/a', 'new', 'dir/keep']) daemon.tree.read(path);
  acknowledged(await pool.submit(request(source, target, [...unpackChanges(held)])).outcome);
  assert.deepEqual(await compareTrees(source.path, daemon.path), []);
});

const sendOne = async (pool: TransferPool, source: Tree, target: Target, path: string) =>
  acknowledged(await pool.submit(request(source, target, entries(path))).outcome);

test('after a batch an rsync waits for the next; one that died is not missed', async (t) => {
  const source = tempTree(t, { a: '1', b: '1', c: '1' });
  const daemon = await rsyncDaemon(t);
  const target = targetOf(daemon);
  const pool = poolFor(t);
  await sendOne(pool, source, target, 'a');
  // The first stays connected: one connection is open while nothing runs.
  const isWaiting = () => waitFor(() => daemon.connections() === 1, { what: 'a standby' });
  await isWaiting();
  await sendOne(pool, source, target, 'b');
  await isWaiting();
  await daemon.stop('SIGKILL');
  await daemon.start();
  await sendOne(pool, source, target, 'c');
  assert.deepEqual(await compareTrees(source.path, daemon.path), []);
  await isWaiting();
  await pool.retireStandbys();
  await waitFor(() => daemon.connections() === 0, { what: 'the standby to go' });
});

test('a target that hangs does not keep others from their standby', async (t) => {
  const source = tempTree(t, { a: '1', b: '1' });
  const [well, frozen] = [await rsyncDaemon(t), await rsyncDaemon(t)];
  const pool = poolFor(t);
  const first = well.connectionsSoFar();
  await sendOne(pool, source, targetOf(well), 'a');
  await waitFor(() => well.connectionsSoFar() === first + 2, { what: 'a standby' });
  frozen.freeze();
  const hanging = pool.submit(request(source, { ...targetOf(frozen), name: 'frozen' }, entries('a')));
  await sendOne(pool, source, targetOf(well), 'b');
  await waitFor(() => well.connectionsSoFar() === first + 3, { what: 'the next standby' });
  frozen.thaw();
  acknowledged(await hanging.outcome);
});

test('a standby never works with other rules or another source than it was started for', async (t) => {
  const source = tempTree(t, { 'a/x': '1' });
  const daemon = await rsyncDaemon(t);
  const target = targetOf(daemon);
  const pool = poolFor(t);
  await sendOne(pool, source, target, 'a/x');
  source.write('secret', '2');
  const change: Change[] = [{ kind: 'directory', path: asRelPath('') }];
  acknowledged(await pool.submit(request(source, target, change, { rules: ['- secret'] })).outcome);
  assert.throws(() => daemon.tree.read('secret'));
  const moved = `${source.path}-moved`;
  renameSync(source.path, moved);
  t.after(() => rmSync(moved, { recursive: true }));
  mkdirSync(source.path);
  const outcome = await pool.submit({
    ...request(source, target, entries('a/x')),
    identity: identityOf(moved),
  }).outcome;
  assert.equal(failure(outcome), 'source-changed SOURCE_REPLACED');
  acknowledged(await pool.submit(request(source, target, entries('new'))).outcome);
  assert.equal(daemon.tree.read('a/x').toString(), '1');
});

test('a target with a single connection does without a standby', async (t) => {
  const source = tempTree(t, { a: '1', b: '1', big: Buffer.alloc(1000) });
  const daemon = await rsyncDaemon(t, {
    config: ['max connections = 1', `lock file = ${join(tempDirectory(t, 'lock'), 'lock')}`],
  });
  const target = targetOf(daemon);
  const pool = poolFor(t);
  await sendOne(pool, source, target, 'a');
  // A long list does not go to the standby, which holds the only connection.
  const long = Array.from({ length: 2000 }, (_, i) => `missing-${i}-${'x'.repeat(30)}`);
  acknowledged(await pool.submit(request(source, target, entries(...long, 'b'))).outcome);
  acknowledged(await pool.submit(request(source, target, entries(...long, 'big'))).outcome);
  assert.deepEqual(await compareTrees(source.path, daemon.path), []);
});

test('200 rewrites at the same size within the same second all arrive', async (t) => {
  const source = tempTree(t);
  const daemon = await rsyncDaemon(t);
  const pool = poolFor(t);
  for (let round = 0; round < 200; round++) {
    const content = String(round).padStart(8, '0');
    source.write('file', content);
    utimesSync(source.at('file'), 1_700_000_000, 1_700_000_000 + round / 1000);
    acknowledged(await pool.submit(request(source, targetOf(daemon), entries('file'))).outcome);
    assert.equal(daemon.tree.read('file').toString(), content);
  }
});

test('of 1,000 files the one that the target refuses is stuck, the rest arrives', {
  skip: !isRoot && 'needs root: an rsync daemon of another user',
}, async (t) => {
  const source = tempTree(t);
  const paths = Array.from({ length: 1000 }, (_, i) => `d${i % 10}/f${i}`);
  for (const path of paths) source.write(path, path);
  const module = tempDirectory(t, 'module');
  chownSync(module, 65534, 65534);
  mkdirSync(join(module, 'd3'));
  mkdirSync(join(module, 'd4'));
  writeFileSync(join(module, 'd4', 'f4'), 'older');
  chownSync(join(module, 'd4'), 65534, 65534);
  chmodSync(join(module, 'd3'), 0o755);
  // d3 belongs to root: nobody may not write into it.
  const daemon = await rsyncDaemon(t, {
    path: module,
    useChroot: false,
    config: ['uid = nobody', 'gid = nogroup'],
  });
  const target = targetOf(daemon, {
    rsync: {
      path: 'rsync',
      timeoutSeconds: 60,
      compress: false,
      wholeFile: 'auto',
      args: ['--no-implied-dirs'],
    },
  });
  const pool = poolFor(t);
  const first = acknowledged(await pool.submit(request(source, target, entries('d3/f3', 'd4/f4'))).outcome);
  assert.deepEqual(
    first.stuck.map(({ path, kind, code }) => [path, kind, code]),
    [['d3/f3', 'entry', 'PERMISSION_DENIED']],
  );
  const all = acknowledged(await pool.submit(request(source, target, entries(...paths))).outcome);
  assert.deepEqual(
    all.stuck.map(({ path }) => path).sort(),
    paths.filter((path) => path.startsWith('d3/')).sort(),
  );
  for (const path of paths)
    if (!path.startsWith('d3/')) assert.equal(daemon.tree.read(path).toString(), path);
});

test('what the module refuses to take is stuck, by itself and in a directory; the rest arrives', async (t) => {
  const names = Array.from({ length: 1500 }, (_, i) => `keys/${'long-name-'.repeat(5)}${i}.key`);
  const files = Object.fromEntries(names.map((name) => [name, '']));
  const source = tempTree(t, { ...files, 'keys/other': '2', 'x.key': '3', x: '4' });
  const daemon = await rsyncDaemon(t, { config: ['exclude = *.key'] });
  const pool = poolFor(t);
  const changes: Change[] = [...entries('x.key', 'x'), { kind: 'directory', path: asRelPath('keys') }];
  const { stuck } = acknowledged(await pool.submit(request(source, targetOf(daemon), changes)).outcome);
  assert.deepEqual(stuck.map(({ path }) => path).sort(), [...names, 'x.key'].sort());
  assert.ok(stuck.every(({ kind, code }) => kind === 'entry' && code === 'REFUSED'));
  assert.equal(daemon.tree.read('keys/other').toString(), '2');
  assert.equal(daemon.tree.read('x').toString(), '4');
});

test('a file that a directory with entries stands in the way of is stuck where nothing may be deleted', async (t) => {
  const source = tempTree(t, { flip: '1', 'd/flip': '2', other: '3' });
  const daemon = await rsyncDaemon(t);
  for (const path of ['flip/x', 'd/flip/x']) daemon.tree.write(path, 'x');
  const changes: Change[] = [...entries('flip', 'other'), { kind: 'directory', path: asRelPath('d') }];
  const pool = poolFor(t);
  const { stuck } = acknowledged(
    await pool.submit(request(source, targetOf(daemon), changes, { deleteMethod: 'none' })).outcome,
  );
  assert.deepEqual(stuck.map(({ path, kind, code }) => [path, kind, code]).sort(), [
    ['d/flip', 'entry', 'OTHER'],
    ['flip', 'entry', 'OTHER'],
  ]);
  assert.equal(daemon.tree.read('other').toString(), '3');
});

test('what moves between the look at the source and the call of rsync is looked at again, not stuck', async (t) => {
  const source = tempTree(t, { 'd/f': '1', 'e/gone': '1', other: '2' });
  const daemon = await rsyncDaemon(t);
  daemon.tree.write('d/f', 'old');
  daemon.tree.write('e/extra', 'x');
  // What stands in for rsync here turns the directory into a file first, as somebody else may at that moment.
  const program = join(tempDirectory(t), 'rsync');
  writeFileSync(program, '#!/bin/sh\n[ -f d ] || { rm -r d && echo file > d; }\nexec rsync "$@"\n', {
    mode: 0o755,
  });
  const target = targetOf(daemon);
  const changes: Change[] = [...entries('d/f', 'other'), { kind: 'directory', path: asRelPath('e') }];
  const { stuck, deferred } = acknowledged(
    await poolFor(t).submit(
      request(source, { ...target, rsync: { ...target.rsync, path: program } }, changes),
    ).outcome,
  );
  assert.deepEqual(stuck, []);
  assert.deepEqual([...unpackChanges(deferred)], entries('d/f'));
  assert.equal(daemon.tree.read('other').toString(), '2');
  assert.throws(() => daemon.tree.read('e/extra'), { code: 'ENOENT' });
  acknowledged(await poolFor(t).submit(request(source, target, [...unpackChanges(deferred)])).outcome);
  assert.equal(daemon.tree.read('d').toString(), 'file\n');
});

for (const deleteMethod of ['missing-args', 'parent-directory'] as const)
  test(`a directory that is made where one was gone, before rsync looks, hides nothing of the old one: ${deleteMethod}`, async (t) => {
    const source = tempTree(t, { other: '1' });
    const daemon = await rsyncDaemon(t);
    for (const path of ['d/old', 'd/sub/old', 'gone/x', 'p/d/old']) daemon.tree.write(path, 'x');
    source.write('p/other', '1');
    const program = join(tempDirectory(t), 'rsync');
    const remake = '[ -e d ] || { mkdir -p d/sub p/d && echo new > d/sub/new; }';
    writeFileSync(program, `#!/bin/sh\n${remake}\nexec rsync "$@"\n`, { mode: 0o755 });
    const target = targetOf(daemon);
    const replaced = { ...target, rsync: { ...target.rsync, path: program } };
    const pool = poolFor(t);
    const { deferred } = acknowledged(
      await pool.submit(
        request(source, replaced, entries('d', 'gone', 'other', 'p/d', 'p/other'), { deleteMethod }),
      ).outcome,
    );
    const remade = ['d', 'p/d'].map((path) => ({ kind: 'tree', path }));
    assert.deepEqual([...unpackChanges(deferred)], remade);
    acknowledged(
      await pool.submit(request(source, target, [...unpackChanges(deferred)], { deleteMethod })).outcome,
    );
    assert.deepEqual(await compareTrees(source.path, daemon.path, { ignoreTimes: () => true }), []);
  });

for (const deleteMethod of ['missing-args', 'parent-directory'] as const)
  test(`a directory that is made where a file stood instead of one hides nothing of the old one: ${deleteMethod}`, async (t) => {
    const source = tempTree(t, { d: 'a file', other: '1', big: 'x'.repeat(1000) });
    const daemon = await rsyncDaemon(t);
    for (const path of ['d/old', 'd/sub/old', 'big/old']) daemon.tree.write(path, 'x');
    const program = join(tempDirectory(t), 'rsync');
    const remake = '[ -d d ] || { rm d && mkdir d && echo new > d/new; }';
    writeFileSync(program, `#!/bin/sh\n${remake}\nexec rsync "$@"\n`, { mode: 0o755 });
    const target = targetOf(daemon);
    const replaced = { ...target, rsync: { ...target.rsync, path: program } };
    const trees: Change[] = ['d', 'big'].map((path) => ({ kind: 'tree', path: asRelPath(path) }));
    const changes: Change[] = [{ kind: 'directory', path: ROOT }, ...trees, ...entries('other')];
    const pool = poolFor(t);
    const send = async (to: Target, what: readonly Change[]) =>
      acknowledged(await pool.submit(request(source, to, what, { deleteMethod, bigFileBytes: 500 })).outcome);
    const { deferred, big } = await send(replaced, changes);
    assert.deepEqual([...unpackChanges(deferred)], [trees[0]]);
    // The big one has yet to be sent, and may be a directory again by then.
    assert.deepEqual([...unpackChanges(big)], [trees[1]]);
    source.remove('big');
    source.write('big/new', '2');
    await send(target, [...unpackChanges(deferred), ...unpackChanges(big)]);
    assert.deepEqual(await compareTrees(source.path, daemon.path, { ignoreTimes: () => true }), []);
  });

test('a directory goes when a file takes its place that the rules exclude', async (t) => {
  const source = tempTree(t, { 'p/d': 'excluded, where a directory was', 'p/new.jpg': '1', top: 'excluded' });
  const daemon = await rsyncDaemon(t);
  for (const path of ['p/d/old.jpg', 'p/d/sub/old.jpg', 'p/foreign', 'top/old.jpg'])
    daemon.tree.write(path, 'x');
  const changes: Change[] = ['p/d', 'top'].map((path) => ({ kind: 'tree', path: asRelPath(path) }));
  acknowledged(
    await poolFor(t).submit(
      request(source, targetOf(daemon), [...changes, ...entries('p/new.jpg')], {
        rules: ['+ */', '+ *.jpg', '- *'],
      }),
    ).outcome,
  );
  assert.deepEqual(readdirSync(daemon.path, { recursive: true }).sort(), ['p', 'p/foreign', 'p/new.jpg']);
});

/** Stands in for rsync: the root and `p` change during its first calls, and something fails. */
const leavesBusyParents = (calls: number, message = ''): string => `#!/bin/sh
case " $* " in *' --dry-run '*|*' -n '*) exec rsync "$@" ;; esac
echo >> "$0.calls"
[ "$(wc -l < "$0.calls")" -gt ${calls} ] && exec rsync "$@"
rsync "$@"
touch . p
echo '${message}' >&2
exit 23
`;

for (const kind of ['entry', 'directory', 'tree'] as const)
  test(`${kind}: what failed in part takes nothing along from the directories above it`, async (t) => {
    const source = tempTree(t, { 'p/d/f': '1', 'p/other/f': '2', 'p/file': '3', 'top/f': '4', file: '5' });
    const daemon = await rsyncDaemon(t);
    daemon.tree.write('p/kept', 'x');
    daemon.tree.write('kept', 'x');
    const program = join(tempDirectory(t), 'rsync');
    writeFileSync(program, leavesBusyParents(1), { mode: 0o755 });
    const target = targetOf(daemon);
    const pool = poolFor(t);
    const { stuck, deferred } = acknowledged(
      await pool.submit(
        request(source, { ...target, rsync: { ...target.rsync, path: program } }, [
          { kind, path: asRelPath('p/d') },
        ]),
      ).outcome,
    );
    assert.deepEqual(stuck, []);
    const isWide = kind !== 'entry';
    const there = ['kept', 'p', 'p/d', ...(isWide ? ['p/d/f'] : []), 'p/kept'];
    assert.deepEqual(readdirSync(daemon.path, { recursive: true }).sort(), there);
    // The times of those above are set right after all.
    assert.deepEqual([...unpackChanges(deferred)], entries('p/d'));
    acknowledged(await pool.submit(request(source, target, [...unpackChanges(deferred)])).outcome);
    for (const path of ['', 'p'])
      assert.equal(statSync(daemon.tree.at(path)).mtimeMs, statSync(source.at(path)).mtimeMs, path);
  });

test('directories that come along with what is tried again are not looked at once more, the others are', async (t) => {
  const source = tempTree(t, { 'p/f': '1', 'q/g': '2' });
  const daemon = await rsyncDaemon(t);
  const program = join(tempDirectory(t), 'rsync');
  const script = leavesBusyParents(1).replace('touch . p', 'touch . p q; echo >> q/g');
  writeFileSync(program, script, { mode: 0o755 });
  const target = targetOf(daemon);
  const { stuck, deferred } = acknowledged(
    await poolFor(t).submit(
      request(source, { ...target, rsync: { ...target.rsync, path: program } }, entries('p/f', 'q/g')),
    ).outcome,
  );
  assert.deepEqual(stuck, []);
  assert.deepEqual([...unpackChanges(deferred)], entries('p/f'));
  assert.equal(statSync(daemon.path).mtimeMs, statSync(source.path).mtimeMs);
});

test('of a subtree that failed in part, only what differs goes again, each once', async (t) => {
  const source = tempTree(t, { 'p/a/b/f': '1', 'p/a/g': '2', 'p/h': '3' });
  const daemon = await rsyncDaemon(t);
  const program = join(tempDirectory(t), 'rsync');
  const script = leavesBusyParents(1).replace('touch . p', 'touch . p p/a p/a/b; echo >> p/a/g; rm p/h');
  writeFileSync(program, script, { mode: 0o755 });
  const target = targetOf(daemon);
  const { stuck, stats } = acknowledged(
    await poolFor(t).submit(
      request(
        source,
        { ...target, rsync: { ...target.rsync, path: program } },
        [{ kind: 'tree', path: asRelPath('p') }],
        { treesBy: 'never' },
      ),
    ).outcome,
  );
  assert.deepEqual(stuck, []);
  assert.equal(stats.files, 3 + 1);
  assert.deepEqual(await compareTrees(source.path, daemon.path), []);
});

test('directories above what is listed are looked at again, stuck only where the target says so', async (t) => {
  const source = tempTree(t, { 'p/f': '1', 'p/deep/g': '2', top: '3' });
  const daemon = await rsyncDaemon(t);
  const program = join(tempDirectory(t), 'rsync');
  const message = 'rsync: [generator] failed to set times on "p" (in mod): Operation not permitted (1)';
  // Something of the list differs as well, so that it is tried again.
  const script = leavesBusyParents(2, message).replace('touch . p', 'touch . p; echo >> p/deep/g');
  writeFileSync(program, script, { mode: 0o755 });
  const target = targetOf(daemon);
  const { stuck, deferred } = acknowledged(
    await poolFor(t).submit(
      request(
        source,
        { ...target, rsync: { ...target.rsync, path: program } },
        entries('p/f', 'p/deep/g', 'top'),
      ),
    ).outcome,
  );
  assert.deepEqual(stuck.map(({ path, code }) => [path, code]).sort(), [
    ['p', 'PERMISSION_DENIED'],
    ['p/deep/g', 'PERMISSION_DENIED'],
  ]);
  assert.deepEqual([...unpackChanges(deferred)], entries('p/f'));
});

/** Stands in for rsync and leaves out the deletions of its first calls, as rsync does when it can't read something. */
const skipsDeletions = (calls: number): string => `#!/bin/sh
case " $* " in *' --dry-run '*|*' -n '*) exec rsync "$@" ;; esac
echo >> "$0.calls"
[ "$(wc -l < "$0.calls")" -gt ${calls} ] && exec rsync "$@"
for arg; do shift; case $arg in --delete*|--force) ;; *) set -- "$@" "$arg" ;; esac; done
rsync "$@"
echo 'IO error encountered -- skipping file deletion'
echo 'rsync: [sender] opendir "/elsewhere/x" failed: Too many open files (24)' >&2
exit 23
`;

for (const kind of ['directory', 'tree'] as const)
  for (const calls of [1, 2])
    test(`deletions of a ${kind} that rsync left out ${calls} times are not taken for done`, async (t) => {
      const source = tempTree(t, { 'd/new': '1' });
      const daemon = await rsyncDaemon(t);
      daemon.tree.write('d/extra', 'x');
      const program = join(tempDirectory(t), 'rsync');
      writeFileSync(program, skipsDeletions(calls), { mode: 0o755 });
      const target = targetOf(daemon);
      const outcome = acknowledged(
        await poolFor(t).submit(
          request(source, { ...target, rsync: { ...target.rsync, path: program } }, [
            { kind, path: asRelPath('d') },
          ]),
        ).outcome,
      );
      const isGone = !daemon.tree.has('d/extra');
      const isOpen = [...outcome.stuck, ...unpackChanges(outcome.deferred)].some(
        (change) => change.path === 'd' && change.kind === kind,
      );
      assert.deepEqual([isGone, isOpen], calls === 1 ? [true, false] : [false, true]);
      assert.equal(daemon.tree.read('d/new').toString(), '1');
    });

test('a directory that the target may not look into is stuck as a whole, for its deletes as well', {
  skip: !isRoot && 'needs root: an rsync daemon of another user',
}, async (t) => {
  const source = tempTree(t, { 'shut/new': '1', 'open/new': '2' });
  const module = tempDirectory(t, 'module');
  for (const name of ['', 'sub', 'sub/open', 'sub/shut']) {
    mkdirSync(join(module, name), { recursive: true });
    if (name !== 'sub/shut') chownSync(join(module, name), 65534, 65534);
  }
  writeFileSync(join(module, 'sub/shut/extra'), 'x');
  chmodSync(join(module, 'sub/shut'), 0o700);
  const daemon = await rsyncDaemon(t, { path: module, useChroot: false, config: ['uid = nobody'] });
  const { location } = targetOf(daemon);
  assert.ok(location.type === 'daemon');
  const changes: Change[] = ['open', 'shut'].map((path) => ({ kind: 'directory', path: asRelPath(path) }));
  const pool = poolFor(t);
  const { stuck } = acknowledged(
    await pool.submit(request(source, targetAt({ ...location, path: 'sub' }), changes)).outcome,
  );
  assert.deepEqual(
    stuck.map(({ path, kind, code }) => [path, kind, code]),
    [
      ['shut', 'directory', 'PERMISSION_DENIED'],
      ['shut/new', 'entry', 'PERMISSION_DENIED'],
    ],
  );
  assert.equal(daemon.tree.read('sub/open/new').toString(), '2');
});

test('the probe tells how a target deletes, and what stands in its way', async (t) => {
  const source = tempTree(t);
  const pool = poolFor(t);
  const probe = async (target: Target) => pool.probe({ target, source: source.path, deletes: true }).outcome;
  const daemon = await rsyncDaemon(t);
  const ready = await probe(targetOf(daemon));
  assert.equal(ready.result, 'ready');
  const unreachable = await probe(
    targetAt({
      type: 'daemon',
      host: '127.0.0.1',
      port: await freePort(),
      user: undefined,
      module: 'm',
      path: '',
    }),
  );
  assert.equal(failure(unreachable), 'retry CONNECTION_REFUSED');
  const { location } = targetOf(daemon);
  assert.ok(location.type === 'daemon');
  assert.equal(failure(await probe(targetAt({ ...location, module: 'nope' }))), 'halt UNKNOWN_MODULE');
  const readOnly = await rsyncDaemon(t, { config: ['read only = yes'] });
  assert.equal(failure(await probe(targetOf(readOnly))), 'halt MODULE_READ_ONLY');
  const missing = targetOf(daemon, {
    rsync: { path: '/nowhere/rsync', timeoutSeconds: 60, compress: false, wholeFile: 'auto', args: [] },
  });
  assert.equal(failure(await probe(missing)), 'halt RSYNC_MISSING');
  assert.equal((await probe(targetAt({ type: 'local', path: tempDirectory(t) }))).result, 'ready');
});

test('the probe tells whether a target is empty but for what is excluded', async (t) => {
  const source = tempTree(t, { file: '1' });
  const pool = poolFor(t);
  const daemon = await rsyncDaemon(t);
  const isEmpty = async (target: Target): Promise<boolean> => {
    const looksForEntries = ['- excluded/' as const];
    const outcome = await pool.probe({ target, source: source.path, deletes: true, looksForEntries }).outcome;
    assert.ok(outcome.result === 'ready');
    return outcome.isEmpty;
  };
  assert.equal(await isEmpty(targetOf(daemon)), true);
  daemon.tree.write('excluded/file', '1');
  assert.equal(await isEmpty(targetOf(daemon)), true);
  for (const make of [
    () => daemon.tree.write('file', '1'),
    () => daemon.tree.makeDirectory('directory'),
    () => daemon.tree.write('directory/file', '1'),
  ]) {
    make();
    const count = daemon.tree.count();
    assert.equal(await isEmpty(targetOf(daemon)), false);
    assert.equal(daemon.tree.count(), count);
    for (const name of ['file', 'directory']) daemon.tree.remove(name);
  }
  const local = tempTree(t, {});
  assert.equal(await isEmpty(targetAt({ type: 'local', path: local.path })), true);
  local.write('x', '');
  assert.equal(await isEmpty(targetAt({ type: 'local', path: local.path })), false);
});

test('a directory that becomes a link before rsync reads it: what it leads to is not sent on, and the batch is looked at again', async (t) => {
  const secrets = Object.fromEntries(
    Array.from({ length: 500 }, (_, i) => [`secret-${i}`, 'x'.repeat(2_000)]),
  );
  const outside = tempTree(t, secrets);
  for (const kind of ['directory', 'entry'] as const) {
    const source = tempTree(t, { 'd/e/file': '1', 'd/e/other': '2' });
    const daemon = await rsyncDaemon(t);
    const program = join(tempDirectory(t), 'rsync');
    writeFileSync(
      program,
      `#!/bin/sh\n[ -L d/e ] || { rm -r d/e && ln -s '${outside.path}' d/e; }\nexec rsync "$@"\n`,
      { mode: 0o755 },
    );
    if (kind === 'entry') outside.write('file', 'not the file that is meant');
    const path = kind === 'directory' ? 'd/e' : 'd/e/file';
    const target = targetOf(daemon, { bandwidthLimit: '100k' });
    const changes = [{ kind, path: asRelPath(path) }];
    const outcome = acknowledged(
      await poolFor(t).submit(
        request(source, { ...target, rsync: { ...target.rsync, path: program } }, changes),
      ).outcome,
    );
    assert.deepEqual([...unpackChanges(outcome.deferred)].slice(0, 1), changes);
    const leaked = daemon.tree.has('d/e') ? daemon.tree.count() - 2 : 0;
    assert.ok(leaked < 250, `${leaked} files`);
    // The next batch sees the link.
    const link = [{ kind: 'tree', path: asRelPath('d/e') }] as const;
    acknowledged(await poolFor(t).submit(request(source, target, link)).outcome);
    assert.deepEqual(await compareTrees(source.path, daemon.path), []);
  }
});

test('where the receiver may have written behind such a link is looked at again as well, with all below', async (t) => {
  const source = tempTree(t, { 'd/e/file': '1', 'd/e/w/x': '1', 'd/e/t/x': '1', 'a/file': 'another' });
  const daemon = await rsyncDaemon(t);
  daemon.tree.makeDirectory('a');
  const program = join(tempDirectory(t), 'rsync');
  writeFileSync(program, '#!/bin/sh\n[ -L d/e ] || { rm -r d/e && ln -s ../a d/e; }\nexec rsync "$@"\n', {
    mode: 0o755,
  });
  const target = targetOf(daemon);
  const changes: Change[] = [
    ...entries('d/e/file'),
    { kind: 'directory', path: asRelPath('d/e/w') },
    { kind: 'tree', path: asRelPath('d/e/t') },
  ];
  const { deferred } = acknowledged(
    await poolFor(t).submit(
      request(source, { ...target, rsync: { ...target.rsync, path: program } }, changes),
    ).outcome,
  );
  const again = Array.from(unpackChanges(deferred), ({ kind, path }) => `${kind} ${path}`);
  assert.deepEqual(again.slice(0, 3), ['entry d/e/file', 'directory d/e/w', 'tree d/e/t']);
  for (const landed of ['entry a/file', 'directory a/w', 'tree a/t'])
    assert.ok(again.includes(landed), again.join(' '));
});

test('nothing is sent from a source that is not the watched one', async (t) => {
  const source = tempTree(t, { file: '1' });
  const daemon = await rsyncDaemon(t);
  daemon.tree.write('file', 'older');
  daemon.tree.write('kept', 'x');
  const pool = poolFor(t);
  const outcome = (change: Partial<TransferRequest>) =>
    pool.submit(request(source, targetOf(daemon), entries('file', 'kept'), change)).outcome;
  assert.equal(
    failure(await outcome({ identity: { device: '1', inode: '2' } })),
    'source-changed SOURCE_REPLACED',
  );
  assert.equal(failure(await outcome({ source: `${source.path}/nowhere` })), 'source-changed SOURCE_MISSING');
  assert.equal(daemon.tree.read('file').toString(), 'older');
  assert.equal(daemon.tree.read('kept').toString(), 'x');
});

test('a cancelled batch ends at once and leaves no child behind', async (t) => {
  const source = tempTree(t, { big: Buffer.alloc(64 << 20, 1) });
  const daemon = await rsyncDaemon(t);
  const pool = poolFor(t);
  const running = pool.submit(request(source, targetOf(daemon, { bandwidthLimit: '1m' }), entries('big')));
  await waitFor(() => readdirSync(daemon.path).some((name) => name.startsWith('.big.')), {
    what: 'a temporary file',
  });
  running.cancel();
  assert.deepEqual(await running.outcome, { result: 'cancelled', deleted: 0 });
  await waitFor(() => readdirSync(daemon.path).length === 0, { what: 'the temporary file to go' });
});

test('a frozen target is given up although rsync itself waits for ever', async (t) => {
  const source = tempTree(t, { big: Buffer.alloc(64 << 20, 1) });
  const daemon = await rsyncDaemon(t);
  const pool = poolFor(t);
  const rsync = { path: 'rsync', timeoutSeconds: 2, compress: false, wholeFile: 'auto', args: [] } as const;
  const running = pool.submit(
    request(source, targetOf(daemon, { bandwidthLimit: '4m', rsync }), entries('big')),
  );
  await waitFor(() => readdirSync(daemon.path).some((name) => name.startsWith('.big.')), {
    what: 'a temporary file',
  });
  daemon.freeze();
  const outcome = await running.outcome;
  daemon.thaw();
  assert.ok(['retry STALLED', 'retry TIMEOUT'].includes(failure(outcome)), failure(outcome));
});

test('a local directory is a target as well', async (t) => {
  const source = tempTree(t, { 'a/b': '1', '#odd\n name': '2' });
  const path = tempDirectory(t, 'local');
  const changes: Change[] = [{ kind: 'directory', path: asRelPath('') }, ...entries('a/b')];
  acknowledged(await poolFor(t).submit(request(source, targetAt({ type: 'local', path }), changes)).outcome);
  assert.deepEqual(await compareTrees(source.path, path), []);
});

test('a batch asks before it deletes; refused, it is sent without its deletes', async (t) => {
  const source = tempTree(t, { new: '1' });
  const daemon = await rsyncDaemon(t);
  for (const path of ['gone/a', 'gone/b']) daemon.tree.write(path, 'x');
  const asked: string[][] = [];
  const outcome = acknowledged(
    await poolFor(t).submit(
      request(source, targetOf(daemon), entries('new', 'gone/a', 'gone/b')),
      async ({ gone }) => {
        asked.push(Array.from(unpackChanges(gone), ({ path }) => path));
        return 'hold';
      },
    ).outcome,
  );
  assert.deepEqual(asked, [['gone']]);
  assert.deepEqual([...unpackChanges(outcome.held)], entries('gone'));
  for (const path of ['gone/a', 'gone/b', 'new']) daemon.tree.read(path);
});

test('the receiver never deletes more than was allowed, in directories or below gone paths', async (t) => {
  const source = tempTree(t, { 'dir/keep': '1' });
  const daemon = await rsyncDaemon(t);
  for (let i = 0; i < 10; i++) {
    daemon.tree.write(`gone/${i}`, 'x');
    daemon.tree.write(`dir/extra/${i}`, 'x');
  }
  const changes: Change[] = [...entries('gone'), { kind: 'directory', path: asRelPath('dir') }];
  daemon.tree.write('dir/keep', '1');
  const left = () => daemon.tree.count();
  const before = left();
  const pool = poolFor(t);
  // The second time a standby waits, which may delete more.
  for (const [mayDelete, of] of [
    [5, changes],
    [3, changes],
    [0, changes],
  ] as const) {
    const was = left();
    const outcome = acknowledged(
      await pool.submit(request(source, targetOf(daemon), of), async () => ({ mayDelete })).outcome,
    );
    assert.equal(outcome.wasLimited, true);
    assert.equal(outcome.stats.deleted, mayDelete);
    assert.equal(was - left(), mayDelete);
    assert.deepEqual([...unpackChanges(outcome.deferred)], of);
  }
  assert.equal(before - left(), 8);
});

test('what is kept stays, whether it is named, in a directory that is sent, or below a subtree', async (t) => {
  const source = tempTree(t, { 'dir/keep': '1', 'tree/sub/keep': '1' });
  const daemon = await rsyncDaemon(t);
  const kept = ['gone[1]', 'dir/kept*', 'tree/sub/kept'];
  const others = ['other', 'dir/keptX', 'tree/sub/other'];
  for (const path of [...kept, ...others]) daemon.tree.write(`${path}/file`, 'x');
  const changes: Change[] = [
    ...entries('gone[1]', 'other'),
    { kind: 'directory', path: asRelPath('dir') },
    { kind: 'tree', path: asRelPath('tree') },
  ];
  acknowledged(
    await poolFor(t).submit(request(source, targetOf(daemon), changes, { kept: entries(...kept) })).outcome,
  );
  for (const path of kept) daemon.tree.read(`${path}/file`);
  for (const path of others) assert.throws(() => daemon.tree.read(`${path}/file`), path);
});
