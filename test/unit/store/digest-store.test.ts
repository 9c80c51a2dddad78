import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as lmdb from 'lmdb';
import type { RelPath } from '../../../src/core/path.js';
import { openStoreFile, transact, writeNote } from '../../../src/store/store-file.js';
import { digestOf, openDigestStore } from '../../support/digest-store.js';
import { tempDirectory } from '../../support/temp-tree.js';
import { recordOf, writtenPaths } from './store-writer.js';

const root = '' as RelPath;
const record = { path: root, digest: digestOf('root'), entries: 7, coverage: 'all' as const };

/** A state directory whose store holds one record and was closed. */
const closedStore = async (stateDir: string) => {
  const { store } = await openDigestStore(stateDir);
  const digests = store.target('one');
  digests.put([record, ...Array.from({ length: 2000 }, (_, i) => recordOf(`d${i}` as RelPath, i))]);
  await store.close();
  return join(stateDir, 'digests.mdb');
};

test('a store that was closed is there again, each target with its own', async (t) => {
  const stateDir = tempDirectory(t, 'state');
  await closedStore(stateDir);
  const { store, reports } = await openDigestStore(stateDir);
  assert.deepEqual(store.target('one').get(root), { digest: record.digest, entries: 7 });
  assert.equal(store.target('two').get(root), undefined);
  assert.equal(store.target('one').size, 2001);
  await store.close();
  assert.deepEqual(reports, { setAside: [], lost: [], distrusted: 0 });
});

test('what belongs to targets that are gone is removed', async (t) => {
  const stateDir = tempDirectory(t, 'state');
  await closedStore(stateDir);
  const first = await openDigestStore(stateDir);
  first.store.target('two').put([record]);
  first.store.keepOnly(['two', 'three']);
  assert.equal(first.store.target('one').size, 0);
  await first.store.close();
  const { store } = await openDigestStore(stateDir);
  assert.equal(store.target('one').get(root), undefined);
  assert.equal(store.target('two').get(root)?.digest, record.digest);
  await store.close();
});

test('how a target deletes is kept until it is forgotten, or the target is', async (t) => {
  const stateDir = tempDirectory(t, 'state');
  const first = await openDigestStore(stateDir);
  assert.equal(first.store.deleteMethod('one'), undefined);
  for (const name of ['one', 'two', 'three']) {
    first.store.target(name);
    first.store.setDeleteMethod(name, 'missing-args');
  }
  first.store.setDeleteMethod('two', undefined);
  await first.store.close();
  const { store } = await openDigestStore(stateDir);
  const methods = () => ['one', 'two', 'three'].map((name) => store.deleteMethod(name));
  assert.deepEqual(methods(), ['missing-args', undefined, 'missing-args']);
  store.keepOnly(['one']);
  assert.deepEqual(methods(), ['missing-args', undefined, undefined]);
  await store.close();
});

test('whether anything was sent to a target outlives the process, and the target does not', async (t) => {
  const stateDir = tempDirectory(t, 'state');
  const first = await openDigestStore(stateDir);
  for (const name of ['one', 'two']) first.store.target(name);
  assert.equal(first.store.wasSent('one'), false);
  first.store.setSent('one');
  first.store.setSent('one');
  const sent = (store: typeof first.store) => ['one', 'two'].map((name) => store.wasSent(name));
  assert.deepEqual(sent(first.store), [true, false]);
  await first.store.close();
  const { store } = await openDigestStore(stateDir);
  assert.deepEqual(sent(store), [true, false]);
  store.keepOnly(['two']);
  assert.deepEqual(sent(store), [false, false]);
  await store.close();
});

test('a second process, or a second replication in this one, is refused by name of the first', async (t) => {
  const stateDir = tempDirectory(t, 'state');
  const { store } = await openDigestStore(stateDir);
  await assert.rejects(openDigestStore(stateDir), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'STATE_DIR_IN_USE');
    assert.match(error.message, new RegExp(`process ${process.pid}$`));
    return true;
  });
  await store.close();
  const again = await openDigestStore(stateDir);
  await again.store.close();
});

test('a state directory that can not be used is named', async (t) => {
  const file = join(tempDirectory(t, 'state'), 'file');
  writeFileSync(file, '');
  await assert.rejects(openDigestStore(join(file, 'state')), { code: 'STATE_DIR_UNUSABLE' });
});

const damages: Record<string, (file: string) => void> = {
  'of random bytes': (file) => writeFileSync(file, Buffer.alloc(50_000, 'no store ')),
  'of zeros': (file) => writeFileSync(file, Buffer.alloc(statSync(file).size)),
  'cut short': (file) => truncateSync(file, 3 * 4096),
  'with a page overwritten': (file) => {
    const bytes = readFileSync(file);
    for (let page = 2; page < bytes.length / 4096; page++) bytes.fill(0xa5, page * 4096, page * 4096 + 4096);
    writeFileSync(file, bytes);
  },
};

for (const [what, damage] of Object.entries(damages)) {
  test(`a store ${what} is set aside and a new one begun`, async (t) => {
    const stateDir = tempDirectory(t, 'state');
    const file = await closedStore(stateDir);
    damage(file);
    const damaged = readFileSync(file);
    const { store, reports } = await openDigestStore(stateDir);
    const digests = store.target('one');
    assert.equal(digests.get(root), undefined);
    digests.put([record]);
    assert.equal(digests.get(root)?.digest, record.digest);
    await store.close();
    const [aside, ...others] = reports.setAside;
    assert.deepEqual(others, []);
    assert.match(aside?.file ?? '', /digests\.mdb\.corrupt-\d{8}T\d{9}Z$/);
    assert.notEqual(aside?.reason, '');
    assert.ok(readFileSync(aside?.file ?? '').equals(damaged), 'kept as it was');
  });
}

for (const [what, format] of [
  ['a store of another version', 'imgsync-fast digests 0'],
  ['an LMDB file of another program', undefined],
] as const) {
  test(`${what} is set aside`, async (t) => {
    const stateDir = tempDirectory(t, 'state');
    const foreign = openStoreFile(join(stateDir, 'digests.mdb'), lmdb);
    transact(foreign, () => {
      writeNote(foreign, 'something', 'else');
      if (format !== undefined) writeNote(foreign, 'format', format);
    });
    await foreign.root.close();
    const { store, reports } = await openDigestStore(stateDir);
    assert.match(reports.setAside[0]?.reason ?? '', /not a store of this version/);
    await store.close();
    assert.equal(readdirSync(stateDir).filter((name) => name.includes('.corrupt-')).length, 1);
  });
}

test('a store whose directory was removed is closed all the same, and told to be lost', async (t) => {
  const stateDir = tempDirectory(t, 'state');
  const { store, reports } = await openDigestStore(stateDir);
  store.target('one').put([record]);
  rmSync(stateDir, { recursive: true });
  await store.close();
  assert.equal(reports.lost.length, 1);
  mkdirSync(stateDir);
  const again = await openDigestStore(stateDir);
  assert.equal(again.store.target('one').size, 0);
  await again.store.close();
});

test('after the machine went down nothing counts, but what targets hold is still known', async (t) => {
  const stateDir = tempDirectory(t, 'state');
  const file = await closedStore(stateDir);
  const other = openStoreFile(file, lmdb);
  transact(other, () => writeNote(other, 'boot', 'another boot'));
  await other.root.close();
  const { store, reports } = await openDigestStore(stateDir);
  assert.equal(reports.distrusted, 1);
  const digests = store.target('one');
  assert.equal(digests.get(root)?.digest, undefined);
  assert.equal(digests.get('d9' as RelPath)?.digest, undefined);
  assert.equal(digests.entriesBelow(root, 7), 7);
  await store.close();
});

const program = fileURLToPath(new URL('./store-writer.js', import.meta.url));

test('a store that can not be written any more is removed, for it may lie; nothing fails', async (t) => {
  const stateDir = tempDirectory(t, 'state');
  const limited = 'trap \'\' XFSZ; ulimit -f 400; exec "$@"'; // a full disk, as far as one file goes
  const child = spawn('sh', ['-c', limited, 'sh', process.execPath, program, stateDir, '0', 'growing'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const [status] = await once(child, 'close');
  assert.equal(status, 0);
  assert.equal(lines.at(-1), 'lost, and all is well');
  assert.deepEqual(
    readdirSync(stateDir).filter((name) => name.endsWith('.mdb') || name.endsWith('.seal')),
    [],
  );
});

test('killed between any two writes, a store holds whole rounds, and none that was told is missing', async (t) => {
  const stateDir = tempDirectory(t, 'state');
  const rounds = Number(process.env.STORE_KILLS ?? 20);
  let told = -1;
  for (let run = 0; run < rounds; run++) {
    const child = spawn(process.execPath, [program, stateDir, String(told + 1)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout });
    const before = told;
    const enough = before + 1 + Math.floor(Math.random() * 40);
    lines.on('line', (line) => {
      told = Number(line);
      // Killed when a random number of rounds is written: at any moment of the next.
      if (told >= enough) child.kill('SIGKILL');
    });
    await Promise.all([once(child, 'exit'), once(lines, 'close')]);
    assert.ok(told >= enough, `the writer ended by itself in run ${run}`);

    const { store, reports } = await openDigestStore(stateDir);
    const digests = store.target('target');
    const round = digests.get(root)?.entries ?? assert.fail('nothing was written');
    assert.ok(round >= told, `round ${told} was told, round ${round} is there`);
    for (const path of writtenPaths) {
      const { digest, entries } = digests.get(path) ?? assert.fail(`no record of ${path}`);
      assert.equal(entries, round);
      const isSuspect = path.startsWith('d') && digest === undefined;
      if (!isSuspect) assert.equal(digest, recordOf(path, round).digest);
    }
    assert.deepEqual(reports, { setAside: [], lost: [], distrusted: 0 });
    told = round;
    await store.close();
  }
});
