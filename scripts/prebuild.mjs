// npm run build:addons [-- ARCHITECTURE …]: the addon for the package, prebuilds/linux-ARCHITECTURE/imgsync_native.node.
// With --if-possible those of other architectures than this machine's are left out where their compiler is missing.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { checkAddon } from './addon-symbols.mjs';
import { installPackages, requirePackages } from './require-packages.mjs';
import { fetchRuntime, nodeLines } from './runtimes.mjs';

/** Compiler and the Debian package that holds it. */
const crossCompilers = {
  x64: ['x86_64-linux-gnu-g++', 'g++-x86-64-linux-gnu'],
  arm64: ['aarch64-linux-gnu-g++', 'g++-aarch64-linux-gnu'],
};
/** What native/portable/older_libc.cpp takes over from the C library. */
const wrapped = [
  ...readFileSync('native/portable/older_libc.cpp', 'utf8').matchAll(/^\w[^\n]*?\b__wrap_(\w+)/gm),
].map(([, name]) => name);

const compilerOf = (architecture) =>
  architecture === process.arch ? ['g++', 'g++'] : crossCompilers[architecture];

const run = (program, args) =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit' });
    child.on('error', reject);
    child.on('exit', (code, signal) =>
      code === 0
        ? resolve()
        : reject(new Error(`${program} ended with ${signal ?? code}: ${args.join(' ')}`)),
    );
  });

/** Performs the work of all items, as many at a time as there are cores. */
const forEach = async (items, work) => {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
};

/** Those beside this Node, which every usual installation has, or those that come with the oldest one supported. */
const nodeHeaders = () => {
  const beside = [process.env.npm_config_nodedir, dirname(dirname(process.execPath))]
    .filter((folder) => folder !== undefined)
    .map((folder) => join(folder, 'include/node'));
  const isComplete = (folder) => ['node_api.h', 'uv.h'].every((name) => existsSync(join(folder, name)));
  return beside.find(isComplete) ?? join(fetchRuntime('x64', nodeLines[0]), 'include/node');
};

// binding.gyp is the one place that tells how the addon is compiled.
const compileOptions = () => {
  const [target] = JSON.parse(readFileSync('binding.gyp', 'utf8')).targets;
  return [
    ...target.cflags,
    ...target.cflags_cc,
    ...target.defines.map((name) => `-D${name}`),
    ...['-DBUILDING_NODE_EXTENSION', '-D_FILE_OFFSET_BITS=64', '-D_LARGEFILE_SOURCE'],
    ...['-fPIC', '-pthread', '-fvisibility=hidden', '-ffunction-sections', '-fdata-sections'],
    ...['-isystem', nodeHeaders(), '-isystem', createRequire(import.meta.url)('node-addon-api').include_dir],
  ];
};

const linkOptions = [
  ...['-shared', '-pthread', '-static-libstdc++', '-static-libgcc', '-s'],
  ...['--gc-sections', '--version-script=native/portable/exports.map', '-z,relro', '-z,now'],
  ...wrapped.map((name) => `--wrap=${name}`),
].map((option) => (option.startsWith('--') || option.startsWith('-z') ? `-Wl,${option}` : option));

const prebuild = async (architecture) => {
  const [compiler] = compilerOf(architecture);
  const objects = `out/prebuild/${architecture}`;
  const file = `prebuilds/linux-${architecture}/imgsync_native.node`;
  rmSync(objects, { recursive: true, force: true });
  for (const folder of [objects, dirname(file)]) mkdirSync(folder, { recursive: true });
  const sources = ['native', 'native/portable'].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.cpp'))
      .sort()
      .map((name) => join(folder, name)),
  );
  const objectOf = (source) => join(objects, `${basename(source, '.cpp')}.o`);
  const options = compileOptions();
  await forEach(sources, (source) => run(compiler, [...options, '-c', source, '-o', objectOf(source)]));
  await run(compiler, [...linkOptions, ...sources.map(objectOf), '-o', file]);
  return checkAddon(file);
};

const mayBeLeftOut = process.argv.includes('--if-possible');
const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const unknown = named.filter((name) => !Object.hasOwn(crossCompilers, name));
if (unknown.length > 0) {
  console.error(
    `no such architecture: ${unknown.join(', ')}. There are ${Object.keys(crossCompilers).join(', ')}`,
  );
  process.exit(64);
}
const wanted = named.length > 0 ? named : Object.keys(crossCompilers);
requirePackages({ readelf: 'binutils' });
for (const architecture of wanted) {
  const [compiler, aptPackage] = compilerOf(architecture);
  if (!mayBeLeftOut || architecture === process.arch) requirePackages({ [compiler]: aptPackage });
  else if (installPackages({ [compiler]: aptPackage }).length > 0) {
    console.error(`linux-${architecture} is left out: ${compiler} is missing (Debian: ${aptPackage})`);
    continue;
  }
  if (!(await prebuild(architecture))) process.exitCode = 1;
}
