// Which compiled tests are run, and how many at a time.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @param {string[]} paths files (.ts) and folders below test/
 * @returns {string[]} the compiled tests in them
 */
export const compiledTests = (paths) =>
  paths.map((path) => join('out', path.replace(/\.ts$/, '.js'))).flatMap(testFiles);

const testFiles = (path) =>
  statSync(path).isDirectory()
    ? readdirSync(path, { recursive: true })
        .map((name) => join(path, String(name)))
        .filter((name) => name.endsWith('.test.js'))
        .sort()
    : [path];

/**
 * The arguments of node for all of the tests, to be run one after the other.
 * @param {string[]} files compiled tests
 * @returns {string[][]}
 */
export const testRuns = (files) => {
  // What changes the whole machine for a moment would be felt by others.
  const alone = files.filter((file) => file.endsWith('.alone.test.js'));
  const others = files.filter((file) => !alone.includes(file));
  return [
    { atATime: 1, some: alone },
    // Most tests wait for the kernel and for rsync, and more would only slow each other down.
    { atATime: 2, some: others },
  ]
    .filter(({ some }) => some.length > 0)
    .map(({ atATime, some }) => [
      '--enable-source-maps',
      '--test',
      '--test-reporter=spec',
      `--test-concurrency=${atATime}`,
      ...some,
    ]);
};
