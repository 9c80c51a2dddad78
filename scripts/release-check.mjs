// npm run release:check: what has to hold before a version is published. Every step runs, each says its verdict. What
// is to be published lies in out/release afterwards: the package and its list of parts (SBOM). With --no-tests the two
// steps that run tests are left out.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { nodeLines } from './runtimes.mjs';
import { packCheckout } from './stage-package.mjs';

const architectures = ['x64', 'arm64'];
const folder = resolve('out/release');
/** Bytes that an installed package may take, without its dependencies. */
const mostBytes = 3_000_000;

const run = (program, args, options = {}) => {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 1e8,
    ...options,
  });
  if (status !== 0) throw new Error(error?.message ?? `${stdout}${stderr}`.trim());
  return stdout.trim();
};
const fail = (text) => {
  throw new Error(text);
};
const digestOf = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');

const { name, version } = JSON.parse(readFileSync('package.json', 'utf8'));
let archive;

const steps = {
  'the checkout is what was committed': () => {
    const changes = run('git', ['status', '--porcelain']);
    return changes === '' ? run('git', ['rev-parse', '--short', 'HEAD']) : fail(changes);
  },
  'two packs of it are the same, byte for byte': () => {
    const [first, second] = ['first', 'another-place/second'].map((place) =>
      packCheckout(join(folder, 'checkouts', place), architectures),
    );
    const digests = [first, second].map(digestOf);
    if (digests[0] !== digests[1]) fail(`${digests.join(' and ')}: compare ${first} and ${second}`);
    archive = join(folder, basename(first));
    copyFileSync(first, archive);
    writeFileSync(`${archive}.sha256`, `${digests[0]}  ${basename(archive)}\n`);
    return digests[0];
  },
  'the package is small': () => {
    const listed = run('tar', ['-tvzf', archive]).split('\n');
    const bytes = listed.reduce((sum, line) => sum + Number(line.split(/ +/)[2]), 0);
    return bytes <= mostBytes
      ? `${listed.length} files, ${bytes} bytes unpacked`
      : fail(`${bytes} bytes unpacked`);
  },
  'publint finds nothing': () => run('npx', ['--yes', 'publint@0.3', '--strict', archive]),
  // An ES module only, as docs/library.md says: how CommonJS gets at it is told there.
  'its types are right': () => {
    run('npx', ['--yes', '@arethetypeswrong/cli@0.18', archive, '--profile', 'esm-only', '--no-color']);
    return 'for ES modules of Node and for bundlers';
  },
  'list of parts (SBOM)': () => {
    const file = join(folder, `${name}-${version}.cdx.json`);
    const list = run('npm', ['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev']);
    writeFileSync(file, `${list}\n`);
    return `${JSON.parse(list).components.length} parts in ${basename(file)}`;
  },
  'it can be built where it is installed': () => buildWhereInstalled(),
  'it runs on arm64': () => run(process.execPath, ['scripts/test-arm64.mjs', archive]),
};

const lastLines = (text, count) => text.split('\n').slice(-count).join('\n');
const tests = {
  'it works where it is installed without scripts and compilers': () =>
    lastLines(run('npm', ['test', 'test/package']), 8),
  'it runs on every line of Node': () =>
    lastLines(run(process.execPath, ['scripts/test-matrix.mjs', '--quick']), nodeLines.length),
};

const buildWhereInstalled = () => {
  const place = join(folder, 'installed');
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'package.json'), '{ "type": "module" }');
  run('npm', ['install', archive, '--ignore-scripts', '--prefer-offline'], { cwd: place });
  const installed = join(place, 'node_modules', name);
  rmSync(join(installed, 'prebuilds'), { recursive: true });
  const watch = `import { watchTree } from '${name}';
const watch = watchTree('.'); await watch.ready; await watch.return();`;
  const tryIt = () => run(process.execPath, ['--input-type=module', '-e', watch], { cwd: place });
  try {
    tryIt();
  } catch (error) {
    if (!error.message.includes('ADDON_MISSING')) throw error;
    run('npm', ['run', 'build:native'], { cwd: installed });
    tryIt();
    return 'with npm run build:native';
  }
  return fail('there was an addon before it was built');
};

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
let failures = 0;
const chosen = process.argv.includes('--no-tests') ? steps : { ...steps, ...tests };
for (const [step, check] of Object.entries(chosen)) {
  const begin = process.hrtime.bigint();
  try {
    const said = check();
    console.log(`ok    ${step}\n      ${said.replaceAll('\n', '\n      ')}`);
  } catch (error) {
    failures += 1;
    console.log(`FAIL  ${step}\n      ${error.message.replaceAll('\n', '\n      ')}`);
  }
  console.log(`      ${(Number(process.hrtime.bigint() - begin) / 1e9).toFixed(1)} s`);
}
console.log(failures === 0 ? `\n${archive} can be published` : `\n${failures} steps failed`);
process.exitCode = failures === 0 ? 0 : 1;
