// npm run test:matrix [-- --quick] [--node=22,24] [FILE or FOLDER below test/ …]: the tests on every line of Node that is
// supported, all with one and the same prebuilt addon. --quick takes those that lean on Node the most.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fetchRuntime, nodeLines } from './runtimes.mjs';
import { copyCheckout } from './stage-package.mjs';
import { compiledTests, testRuns } from './test-files.mjs';

const quick = [
  'test/library',
  'test/native',
  'test/watch',
  'test/unit',
  'test/transfer',
  'test/cli/command-line.test.ts',
  'test/cli/run.test.ts',
  'test/replicate/kinds.test.ts',
  'test/replicate/names.test.ts',
  'test/replicate/burst.test.ts',
  'test/replicate/stop.test.ts',
  'test/hooks/http.test.ts',
  'test/http/faces.test.ts',
  'test/fault/restart.test.ts',
];
/** Needs a browser, a compiler or a registry, and says nothing of Node. */
const leftOut = /^out\/test\/(package|docs|deploy)\//;
const stage = 'out/matrix';
const options = process.argv.slice(2);
const named = options.filter((option) => !option.startsWith('--'));
const chosen = named.length > 0 ? named : options.includes('--quick') ? quick : ['test'];
const lines =
  options
    .find((option) => option.startsWith('--node='))
    ?.slice('--node='.length)
    .split(',') ?? nodeLines;

const run = (program, args, more = {}) => {
  const { status, signal } = spawnSync(program, args, { stdio: 'inherit', ...more });
  return signal === null && status === 0;
};
const must = (program, args, more) => {
  if (!run(program, args, more)) process.exit(1);
};

// In a copy without build/, so that the prebuilt addon is the one that is loaded.
must('npm', ['run', '--silent', 'build:test']);
must(process.execPath, ['scripts/prebuild.mjs', process.arch]);
copyCheckout(stage);
cpSync('prebuilds', join(stage, 'prebuilds'), { recursive: true });
for (const name of ['src', 'test', 'bench']) {
  mkdirSync(join(stage, 'out'), { recursive: true });
  cpSync(join('out', name), join(stage, 'out', name), { recursive: true });
}
const files = compiledTests(chosen).filter((file) => !leftOut.test(file));

const runOn = (line) => {
  const bin = join(fetchRuntime(process.arch, line), 'bin');
  const node = join(bin, 'node');
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  console.log(`== Node ${version}`);
  const more = { cwd: stage, env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` } };
  // All of them, whatever the first said.
  const isGood = testRuns(files)
    .map((args) => run(node, args, more))
    .every(Boolean);
  return { version, isGood };
};

const results = lines.map(runOn);
for (const { version, isGood } of results) console.log(`Node ${version}: ${isGood ? 'passed' : 'FAILED'}`);
process.exitCode = results.every(({ isGood }) => isGood) ? 0 : 1;
