import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exitCodeOf, exitCodeOfSignal } from '../../../src/cli/exit-codes.js';
import { ConfigError, WatchError } from '../../../src/core/errors.js';

for (const [error, code] of [
  [new ConfigError('sync.json', []), 78],
  [new WatchError('WATCH_LIMIT_REACHED', 'full', 'raise it'), 69],
  [new TypeError('x is not a function'), 70],
  ['thrown', 70],
] as const) {
  test(`${String(error)} ends with ${code}`, () => assert.equal(exitCodeOf(error), code));
}

test('a second signal ends as in a shell', () =>
  assert.deepEqual((['SIGHUP', 'SIGINT', 'SIGTERM'] as const).map(exitCodeOfSignal), [129, 130, 143]));
