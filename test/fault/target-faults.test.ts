import assert from 'node:assert/strict';
import { accessSync, chmodSync, chownSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { CompareOptions } from '../support/compare-trees.js';
import { type Imgsync, startImgsync } from '../support/imgsync.js';
import { MemoryDisk, nobody, unlessMounting, unlessRoot } from '../support/root.js';
import { type RsyncDaemon, type RsyncDaemonOptions, rsyncDaemon } from '../support/rsync-daemon.js';
import { type Tree, tempDirectory, tempTree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

const retry = { minMs: 100, maxMs: 400, haltedMs: 300 };
const isAbout =
  (name: string, code: string) =>
  ({ target, code: found }: { target?: string; code?: unknown }): boolean =>
    target === name && found === code;

interface Pair {
  readonly source: Tree;
  /** Has the fault. */
  readonly ill: RsyncDaemon;
  readonly well: RsyncDaemon;
  readonly imgsync: Imgsync;
}

/** Two targets, `ill` with these options and `well`. */
const startPair = async (
  t: TestContext,
  options: RsyncDaemonOptions,
  { files = { 'a/f': '1' }, target = {}, userUrl = (url: string) => url } = {} as {
    files?: Readonly<Record<string, string>>;
    target?: Readonly<Record<string, unknown>>;
    userUrl?: (url: string) => string;
  },
): Promise<Pair> => {
  const source = tempTree(t, files);
  const [ill, well] = [await rsyncDaemon(t, options), await rsyncDaemon(t)];
  const imgsync = startImgsync(t, {
    source: source.path,
    targets: [
      { name: 'ill', url: userUrl(ill.url), ...target },
      { name: 'well', url: well.url },
    ],
    retry,
  });
  return { source, ill, well, imgsync };
};

/** The ill target says so, the well one goes on; after the cure both are equal, and that is told. */
const healsAfter = async (
  { source, ill, well, imgsync }: Pair,
  code: string,
  cure: () => unknown,
  options: CompareOptions = {},
): Promise<void> => {
  const line = await imgsync.waitForLog(isAbout('ill', code), `line with ${code}`);
  assert.equal(line.level, 'warn');
  assert.equal(typeof line.hint, 'string');
  source.write('meanwhile', 'flows to the other one');
  await imgsync.settled([well.path], options);
  await cure();
  await imgsync.settled([well.path, ill.path], options);
  await imgsync.waitForLog(
    ({ msg, target }) => target === 'ill' && msg === 'the target takes changes again',
    'word of its return',
  );
};

test('the disk of one target is full, then freed', { skip: unlessMounting }, async (t) => {
  const disk = await MemoryDisk.mount(t, '4m');
  const module = join(disk.path, 'module');
  const pair = await startPair(t, { path: module });
  await pair.imgsync.settled([pair.ill.path, pair.well.path]);
  // Somebody else's, on the same disk.
  const ballast = join(disk.path, 'ballast');
  writeFileSync(ballast, Buffer.alloc(3 * 1024 ** 2));
  pair.source.write('big', Buffer.alloc(2 * 1024 ** 2, 7));
  await healsAfter(pair, 'DISK_FULL', () => rmSync(ballast));
});

test('a module is read-only, then writable', async (t) => {
  const pair = await startPair(t, { config: ['read only = yes'] });
  await healsAfter(pair, 'MODULE_READ_ONLY', () =>
    pair.ill.configure((text) => text.replace('read only = yes', 'read only = no')),
  );
});

test('the password is wrong, then right', async (t) => {
  const folder = tempDirectory(t, 'secrets');
  const [secrets, password] = [join(folder, 'secrets'), join(folder, 'password')];
  writeFileSync(secrets, 'sync:right\n', { mode: 0o600 });
  writeFileSync(password, 'wrong\n', { mode: 0o600 });
  const pair = await startPair(
    t,
    { config: ['auth users = sync', `secrets file = ${secrets}`] },
    { target: { passwordFile: password }, userUrl: (url) => url.replace('rsync://', 'rsync://sync@') },
  );
  await healsAfter(pair, 'AUTH_FAILED', () => writeFileSync(password, 'right\n'));
  const said = JSON.stringify(pair.imgsync.logs) + pair.imgsync.output.join();
  assert.ok(!said.includes('right'));
});

test('a module takes one connection at a time: everything arrives', async (t) => {
  const files = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`d${i % 30}/f${i}`, `${i}`]));
  const lock = join(tempDirectory(t, 'lock'), 'lock');
  const config = ['max connections = 1', `lock file = ${lock}`];
  const { source, ill, well, imgsync } = await startPair(t, { config }, { files });
  await imgsync.settled([ill.path, well.path]);
  for (let i = 0; i < 5; i++) {
    source.write(`d${i}/new`, `${i}`);
    source.remove(`d${i + 10}`);
    await imgsync.settled([ill.path, well.path]);
    // A whole subtree takes an rsync of its own, while one that waits for its list has the connection.
    source.move(`d${i}`, `moved${i}`);
    await imgsync.settled([ill.path, well.path]);
  }
});

const stuckLines = ({ logs }: Imgsync) => logs.filter(({ msg }) => msg.startsWith('stuck:'));

test('one of 1,000 files may not be written at the target: the others arrive, it heals by itself', {
  skip: unlessRoot,
}, async (t) => {
  const files = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`d${i % 10}/f${i}`, `${i}`]));
  const source = tempTree(t, { ...files, 'locked/f': 'old' });
  const failLog = join(tempDirectory(t, 'log'), 'failures');
  const daemon = await rsyncDaemon(t, { config: [`uid = ${nobody}`, `gid = ${nobody}`] });
  const give = (path: string) => chownSync(path, nobody, nobody);
  give(daemon.path);
  const owners = ['', ...Object.keys(files).map((path) => path), 'locked', 'locked/f'];
  for (let i = 0; i < 10; i++) owners.push(`d${i}`);
  for (const path of owners) give(join(source.path, path));
  const imgsync = startImgsync(t, {
    source: source.path,
    targets: [{ name: 'target', url: daemon.url }],
    retry,
    failLog,
  });
  await imgsync.settled([daemon.path]);
  chownSync(join(daemon.path, 'locked'), 0, 0);
  chmodSync(join(daemon.path, 'locked'), 0o755);
  for (const path of [...Object.keys(files), 'locked/f']) source.write(path, `new ${path}`);
  const line = await imgsync.waitForLog(
    ({ msg, path }) => msg.startsWith('stuck:') && path === 'locked/f',
    'word of the stuck path',
  );
  assert.equal(line.code, 'PERMISSION_DENIED');
  const isLocked = (path: string) => path === 'locked';
  await imgsync.settled([daemon.path], { exclude: isLocked });
  assert.ok(stuckLines(imgsync).every(({ path }) => String(path).startsWith('locked')));
  assert.equal(daemon.tree.read('locked/f').toString(), 'old');
  give(join(daemon.path, 'locked'));
  await imgsync.settled([daemon.path]);
  await imgsync.waitForLog(({ msg, path }) => msg === 'no longer stuck' && path === 'locked/f', 'its cure');
  const failures = readFileSync(failLog, 'utf8')
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text) as Record<string, unknown>);
  const own = failures.filter(({ path }) => path === 'locked/f');
  assert.deepEqual(
    own.map(({ attempts }) => attempts),
    own.map((_, index) => index + 1),
  );
  for (const entry of own) {
    assert.equal(entry.target, 'target');
    assert.equal(entry.code, 'PERMISSION_DENIED');
    assert.match(String(entry.text), /Permission denied/);
  }
});

test('names with quotes and brackets that a module refuses are stuck, each by its own name; they go when it takes them', async (t) => {
  const refused = ['say "yes".key', 'a (copy "2").key', "it's [1] \\ back.key", '".key', 'in "d"/x "y".key'];
  const files = Object.fromEntries(['a/f', ...refused].map((path) => [path, `content of ${path}`]));
  const pair = await startPair(t, { config: ['exclude = *.key'] }, { files });
  const { source, ill, well, imgsync } = pair;
  const isRefused = (path: string) => path.endsWith('.key');
  const stuckNames = () =>
    new Set(
      stuckLines(imgsync)
        .filter(({ target, code }) => target === 'ill' && code === 'REFUSED')
        .map(({ path }) => String(path).replaceAll('\\\\', '\\')),
    );
  await waitFor(() => refused.every((path) => stuckNames().has(path)), { what: 'word of each stuck path' });
  assert.deepEqual([...stuckNames()].sort(), [...refused].sort());
  await imgsync.settled([well.path]);
  await imgsync.settled([ill.path], { exclude: isRefused });
  // What was told counts, not only the first comparison.
  source.write('another "one".key', 'later');
  source.write('a/f', 'flows');
  await waitFor(() => stuckNames().has('another "one".key'), { what: 'word of the later one' });
  await imgsync.settled([ill.path], { exclude: isRefused });
  for (const path of [...refused, 'another "one".key']) assert.equal(ill.tree.has(path), false, path);
  ill.configure((text) => text.replace('exclude = *.key\n', ''));
  await imgsync.settled([ill.path, well.path]);
});

/** Whether somebody without rights can run what the tests compiled. */
const isReachable = (): boolean => {
  try {
    accessSync(process.execPath);
    const parts = new URL('../../../node_modules', import.meta.url).pathname.split('/');
    return parts.every((_, i) => {
      const { mode } = statSync(parts.slice(0, i + 1).join('/') || '/');
      return (mode & 0o5) === 0o5;
    });
  } catch {
    return false;
  }
};

test('a source file that may not be read: the rest arrives, it heals by itself', {
  skip: unlessRoot || (isReachable() ? false : 'somebody without rights can not reach the program'),
}, async (t) => {
  const source = tempTree(t, { 'a/f': '1', 'b/g': '2', 'b/secret': '3' });
  for (const path of ['', 'a', 'a/f', 'b', 'b/g', 'b/secret'])
    chownSync(join(source.path, path), nobody, nobody);
  chmodSync(source.at('b/secret'), 0);
  const daemon = await rsyncDaemon(t);
  const imgsync = startImgsync(
    t,
    { source: source.path, targets: [{ name: 'target', url: daemon.url }], retry },
    { userId: nobody },
  );
  const line = await imgsync.waitForLog(({ path }) => path === 'b/secret', 'word of the stuck path');
  assert.equal(line.code, 'SOURCE_UNREADABLE');
  await imgsync.settled([daemon.path], { exclude: (path) => path === 'b/secret' });
  chmodSync(source.at('b/secret'), 0o640);
  await imgsync.settled([daemon.path]);
  await waitFor(() => imgsync.logs.some(({ msg }) => msg === 'no longer stuck'), { what: 'its cure' });
});
