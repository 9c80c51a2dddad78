import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '../../../src/daemon/logger.js';

test('a line is JSON with level, time and message', async () => {
  const lines: string[] = [];
  const { logger } = await createLog({
    level: 'info',
    pretty: false,
    colors: false,
    write: (line) => lines.push(line),
  });
  logger.child({ target: 'a' }).info({ files: 3 }, 'sent');
  logger.debug('not logged');
  assert.equal(lines.length, 1);
  const { ts, ...rest } = JSON.parse(lines[0] ?? '');
  assert.deepEqual(rest, { level: 'info', target: 'a', files: 3, msg: 'sent' });
  assert.equal(new Date(ts).toISOString(), ts);
});

test('a line for people is one line, written at once', async () => {
  const lines: string[] = [];
  const { logger } = await createLog({
    level: 'debug',
    pretty: true,
    colors: false,
    write: (line) => lines.push(line),
  });
  logger.warn({ code: 'X', list: [1, 2] }, 'odd');
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: odd \{"code":"X","list":\[1,2\]\}\n$/);
});
