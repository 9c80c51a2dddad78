import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startImgsync } from '../support/imgsync.js';
import { unlessThere } from '../support/programs.js';
import { rsyncDaemon } from '../support/rsync-daemon.js';
import { run } from '../support/run.js';
import { ProgramScope } from '../support/scope.js';
import { tempDirectory, tempTree } from '../support/temp-tree.js';

const withoutArm64 = unlessThere('qemu-aarch64-static', 'aarch64-linux-gnu-g++');

/** Where the package is installed, and an environment with nothing but what it needs to run. */
interface Installation {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv & Record<string, string>;
  /** Path of the package. */
  readonly archive: string;
  /** Names of the package's files, relative to it. */
  readonly files: readonly string[];
}

const packageIn = (folder: string): string => join(folder, 'node_modules/imgsync-fast');

/** A folder of programs: no compiler, no make, no python. */
const barePath = async (folder: string): Promise<string> => {
  const path = join(folder, 'path');
  mkdirSync(path);
  symlinkSync(process.execPath, join(path, 'node'));
  for (const program of ['npm', 'rsync', 'sh'])
    symlinkSync((await run('which', [program])).trim(), join(path, program));
  return path;
};

const install = async (scope: ProgramScope): Promise<Installation> => {
  const packing = join(tempDirectory(scope, 'packing'), 'imgsync-fast');
  const architectures = new Set([process.arch, ...(withoutArm64 === false ? ['arm64'] : [])]);
  const stage = ['scripts/stage-package.mjs', packing, ...architectures];
  const archive = (await run(process.execPath, stage)).trim();
  const folder = tempDirectory(scope, 'install');
  const env = { HOME: process.env.HOME ?? folder, PATH: await barePath(tempDirectory(scope, 'programs')) };
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const done = spawnSync('npm', ['install', archive, '--ignore-scripts', '--prefer-offline'], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  assert.equal(done.status, 0, done.stderr);
  const listed = (await run('tar', ['-tzf', archive])).trim().split('\n');
  return { folder, env, archive, files: listed.map((name) => name.replace(/^package\//, '')) };
};

const scope = new ProgramScope();
let installed: Installation;
before(async () => {
  installed = await install(scope);
});
after(() => scope.close());

const runNode = (...args: readonly string[]): SpawnSyncReturns<string> =>
  spawnSync('node', args, { cwd: installed.folder, env: installed.env, encoding: 'utf8' });

test('there is no compiler, and nothing was compiled', () => {
  for (const compiler of ['g++', 'gcc', 'cc', 'make', 'python3']) {
    const { error } = spawnSync(compiler, ['--version'], { env: installed.env });
    assert.equal((error as NodeJS.ErrnoException | undefined)?.code, 'ENOENT', compiler);
  }
  assert.equal(existsSync(join(packageIn(installed.folder), 'build')), false);
});

test('a program of ten lines replicates and watches', () => {
  const file = join(installed.folder, 'program.js');
  writeFileSync(
    file,
    `import { writeFileSync } from 'node:fs';
import { createReplication, watchTree } from 'imgsync-fast';
const [source, target, stateDir] = process.argv.slice(2);
const replication = createReplication({ source, targets: [target], stateDir });
await replication.start();
const watch = watchTree(source);
await watch.ready;
writeFileSync(source + '/cat.jpg', 'a cat');
for await (const { changes } of watch) if (changes.some(({ path }) => path === 'cat.jpg')) break;
await replication.settled({ paths: ['cat.jpg'] });
await replication.stop();
`,
  );
  const source = tempTree(scope, { 'old/dog.jpg': 'a dog' });
  const target = tempTree(scope);
  const { status, stderr } = runNode(file, source.path, target.path, tempDirectory(scope, 'state'));
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  assert.equal(target.read('cat.jpg').toString(), 'a cat');
});

test('the command answers, checks a configuration and replicates to a daemon', async () => {
  const command = join(installed.folder, 'node_modules/.bin/imgsync-fast');
  const { stdout } = spawnSync(command, ['--version'], { env: installed.env, encoding: 'utf8' });
  assert.match(stdout, /^(imgsync-fast )?0\.\d+\.\d+/);
  const source = tempTree(scope, { 'a/b.jpg': 'one' });
  const daemon = await rsyncDaemon(scope);
  const config = { source: source.path, targets: [daemon.url] };
  const imgsync = startImgsync(scope, config, { command, env: installed.env });
  await imgsync.ready();
  source.write('a/c.jpg', 'two');
  await imgsync.settled([daemon.tree.path]);
  const checked = spawnSync(command, ['check', '--config', imgsync.file], { env: installed.env });
  assert.equal(checked.status, 0, String(checked.stderr));
  assert.deepEqual(await imgsync.stop(), { code: 0, signal: null });
});

test('the addon of the package runs with the C library of old systems', () => {
  const addon = join(packageIn(installed.folder), `prebuilds/linux-${process.arch}/imgsync_native.node`);
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/addon-symbols.mjs', addon], {
    encoding: 'utf8',
  });
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' }, stdout);
});

test('the check of an addon finds what a plain build needs', () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    ['scripts/addon-symbols.mjs', 'build/Release/imgsync_native.node'],
    { encoding: 'utf8' },
  );
  assert.equal(status, 1);
  assert.match(stderr, /needs libstdc\+\+\.so\.6/);
  assert.match(stderr, /needs GLIBCXX_3\.4: libstdc\+\+ and libgcc have to be linked in/);
});

test('the package holds what it says and nothing else', () => {
  const { files } = installed;
  const wanted = [
    'dist/index.js',
    'dist/index.d.ts',
    'dist/cli/main.js',
    'dist/http/page/index.html',
    'binding.gyp',
    'native/addon.cpp',
    'native/watcher.hpp',
    'sync.schema.json',
    'man/imgsync-fast.1',
    'docs/install.md',
    'README.md',
    'LICENSE',
  ];
  for (const file of wanted) assert.ok(files.includes(file), file);
  const unwanted =
    /^(src|test|bench|scripts|out|build|node_modules|native\/(test|portable))\/|\.map$|\.tsbuildinfo$/;
  assert.deepEqual(
    files.filter((file) => unwanted.test(file)),
    [],
  );
});

test('anywhere but on Linux it says so in one line', () => {
  const elsewhere = `data:text/javascript,Object.defineProperty(process,'platform',{value:'darwin'})`;
  const source = tempTree(scope);
  const file = join(tempDirectory(scope, 'config'), 'sync.json');
  const stateDir = tempDirectory(scope, 'state');
  writeFileSync(file, JSON.stringify({ source: source.path, targets: [tempTree(scope).path], stateDir }));
  const main = join(packageIn(installed.folder), 'dist/cli/main.js');
  const { status, stdout, stderr } = runNode('--import', elsewhere, main, '--config', file);
  assert.deepEqual({ status, stdout }, { status: 69, stdout: '' }, stderr);
  assert.match(
    stderr,
    /^imgsync-fast runs on Linux only, this is darwin: run it on .+ \(UNSUPPORTED_PLATFORM\)\n$/,
  );
});

test('on arm64 it watches and replicates, under emulation', { skip: withoutArm64 }, async () => {
  const said = await run(process.execPath, ['scripts/test-arm64.mjs', installed.archive]);
  for (const line of ['20', '26'])
    for (const done of ['watches', 'replicates'])
      assert.match(said, new RegExp(`^arm64, Node v${line}\\..+: ${done}$`, 'm'));
});
