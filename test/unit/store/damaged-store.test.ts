import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openDigestStore } from '../../support/digest-store.js';
import { chooseSeed, Random } from '../../support/random.js';
import { tempDirectory } from '../../support/temp-tree.js';
import { usedPaths } from './store-user.js';
import { recordOf } from './store-writer.js';

const pageBytes = 4096;
const program = fileURLToPath(new URL('./store-user.js', import.meta.url));

/** The bytes of a store that was written for some time and closed. */
const soundStore = async (t: TestContext): Promise<Buffer> => {
  const stateDir = tempDirectory(t, 'state');
  const { store } = await openDigestStore(stateDir);
  for (const target of ['one', 'two'])
    for (const rest of [0, 1])
      store
        .target(target)
        .put(usedPaths.filter((_, i) => i % 6 === rest * 3).map((path) => recordOf(path, 1)));
  await store.close();
  return readFileSync(join(stateDir, 'digests.mdb'));
};

/** A state directory with this store; sealed, as if it had been closed so. */
const stateWith = (t: TestContext, bytes: Buffer, isSealed: boolean): string => {
  const stateDir = tempDirectory(t, 'state');
  const file = join(stateDir, 'digests.mdb');
  writeFileSync(file, bytes);
  const { ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
  if (isSealed) writeFileSync(`${file}.seal`, [ino, size, mtimeNs, ctimeNs].join(' '));
  return stateDir;
};

interface Start {
  readonly isThrough: boolean;
  /** Exit status or signal, and what was said. */
  readonly ending: string;
  /** Why a store was set aside. */
  readonly reasons: string;
}

const start = async (stateDir: string): Promise<Start> => {
  const child = spawn(process.execPath, [program, stateDir], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  });
  let [reasons, said] = ['', ''];
  child.stdout.on('data', (bytes: Buffer) => {
    reasons += bytes.toString();
  });
  child.stderr.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  const [status, signal] = await once(child, 'close');
  return { isThrough: status === 0, ending: `${signal ?? status} ${said}`, reasons };
};

/** What the damage did; one start may end by it. */
const outcomeOf = async (stateDir: string): Promise<string> => {
  const first = await start(stateDir);
  if (first.isThrough) return first.reasons === '' ? 'went on' : 'set aside';
  const second = await start(stateDir);
  assert.ok(second.isThrough, `${first.ending}, and again ${second.ending}`);
  return second.reasons === '' ? 'went on at the second start' : 'set aside at the second start';
};

const seed = chooseSeed();
const damages = Number(process.env.STORE_DAMAGES ?? 20);

test(`a damaged store ends one start at most (SEED=${seed})`, async (t) => {
  const random = new Random(seed);
  const sound = await soundStore(t);
  const counts: Record<string, number> = {};
  const list = Array.from({ length: damages }, () => {
    const page = 2 + random.below(sound.length / pageBytes - 2);
    // The head of a page is where LMDB trusts what it reads; next come the places of its entries.
    const offset = random.chance(0.3) ? 10 : random.below(random.pick([24, 24, 64, pageBytes]));
    const length = random.pick([1, 2, 6]);
    const bytes = Buffer.from(sound);
    (random.chance(0.5) ? Buffer.alloc(length, 0xff) : random.bytes(length)).copy(
      bytes,
      page * pageBytes + offset,
    );
    return { page, offset, length, bytes, isSealed: random.chance(0.5) };
  });
  const next = list.values();
  const work = async (): Promise<void> => {
    for (const { page, offset, length, bytes, isSealed } of next) {
      const where = `page ${page}, offset ${offset}, ${length} bytes, ${isSealed ? 'sealed' : 'open'}`;
      const outcome = await outcomeOf(stateWith(t, bytes, isSealed)).catch((cause: unknown) => {
        throw new Error(`${where}: ${cause instanceof Error ? cause.message : cause}`, { cause });
      });
      counts[outcome] = (counts[outcome] ?? 0) + 1;
      if (process.env.STORE_DAMAGES !== undefined) t.diagnostic(`${where}: ${outcome}`);
    }
  };
  await Promise.all([work(), work()]);
  t.diagnostic(JSON.stringify(counts));
});

test('a sound store is opened, sealed or not, and leaves no mark behind', async (t) => {
  const sound = await soundStore(t);
  for (const isSealed of [true, false]) {
    const stateDir = stateWith(t, sound, isSealed);
    const { store, reports } = await openDigestStore(stateDir);
    assert.equal(store.target('one').size, usedPaths.length / 3);
    assert.ok(!existsSync(join(stateDir, 'digests.mdb.opening')));
    await store.close();
    assert.deepEqual(reports.setAside, []);
  }
});

test('a store whose opening ended the start before is set aside, though it was closed', async (t) => {
  const stateDir = stateWith(t, await soundStore(t), true);
  writeFileSync(join(stateDir, 'digests.mdb.opening'), '');
  const { store, reports } = await openDigestStore(stateDir);
  assert.match(reports.setAside[0]?.reason ?? '', /the start before ended while opening it/);
  assert.equal(store.target('one').size, 0);
  await store.close();
  const again = await openDigestStore(stateDir);
  assert.equal(again.reports.setAside.length, 0);
  await again.store.close();
});

test('what can not be opened at all ends one start, though it seems to have been closed', async (t) => {
  const outcome = await outcomeOf(stateWith(t, Buffer.alloc(50_000, 'no store '), true));
  assert.equal(outcome, 'set aside at the second start');
});
