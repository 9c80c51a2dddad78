import assert from 'node:assert/strict';
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { asRelPath } from '../../../src/core/path.js';
import { FailLog } from '../../../src/daemon/fail-log.js';
import { tempDirectory } from '../../support/temp-tree.js';

const failure = { target: 't', kind: 'entry', code: 'PERMISSION_DENIED', text: 'no', attempts: 1 } as const;
const linesOf = (file: string) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('one line for each failure, whatever the name; the file may be rotated', (t) => {
  const file = join(tempDirectory(t), 'fail.log');
  const log = new FailLog(file);
  log.write({ ...failure, path: asRelPath('a/b') });
  log.write({ ...failure, path: asRelPath('line\nbreak \xff'), attempts: 2 });
  const [plain, odd] = linesOf(file);
  assert.ok(!Number.isNaN(Date.parse(String(plain?.at))));
  assert.deepEqual(plain, { at: plain?.at, ...failure, path: 'a/b' });
  assert.equal(odd?.path, 'line\\x0abreak \\xff');
  assert.equal(odd?.bytes, Buffer.from('line\nbreak \xff', 'latin1').toString('hex'));
  renameSync(file, `${file}.1`);
  log.write({ ...failure, path: asRelPath('c') });
  assert.equal(linesOf(file).length, 1);
});
