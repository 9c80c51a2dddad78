import assert from 'node:assert/strict';
import type { Readable, Writable } from 'node:stream';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startGroup } from '../support/process-group.js';
import { startReplication } from '../support/replication.js';
import { waitFor } from '../support/wait-for.js';

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** Back to the first line of the table that was drawn last, and all below it cleared. */
const erased = /\x1b\[(\d+)A\r\x1b\[J/g;

test('status --watch on a terminal draws its table again in the same place, until it is interrupted', async (t) => {
  const replication = await startReplication(t, {
    targets: 2,
    files: { a: 'one' },
    config: { standby: 'off' },
  });
  const words = [process.execPath, main, 'status', '--watch', '--config', replication.imgsync.file];
  const command = `stty rows 30 cols 100; exec ${words.map((word) => `'${word}'`).join(' ')}`;
  // A pseudo terminal of its own.
  const group = startGroup(
    t,
    'script',
    ['--quiet', '--flush', '--return', '--command', command, '/dev/null'],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, TERM: 'xterm', NO_COLOR: '1' },
    },
  );
  const [input, output] = [group.leader.stdin as Writable, group.leader.stdout as Readable];
  let shown = '';
  output.setEncoding('utf8').on('data', (piece: string) => {
    shown += piece;
  });
  /** What stands there after the last drawing. */
  const table = () => shown.split(erased).at(-1) ?? '';
  await waitFor(() => /target-1 +idle.*\r\n.*target-2 +idle/.test(table()), { what: 'the table' });
  await waitFor(() => [...shown.matchAll(erased)].length >= 2, { what: 'it is drawn again' });
  await replication.daemons[1]?.stop();
  replication.source.write('a', 'two');
  await waitFor(() => /target-2 +backing-off +1 .*CONNECTION/.test(table()), { what: 'the outage shows' });
  assert.match(table(), /target-1 +idle/);
  // As many lines are taken back as were drawn: nothing is left above, nothing of others is cleared.
  const drawn = shown.split(erased);
  for (let i = 1; i < drawn.length; i += 2)
    assert.equal(Number(drawn[i]), (drawn[i - 1] ?? '').split('\n').length - 1, drawn[i - 1]);
  input.write('\x03');
  assert.deepEqual(await group.ended, { code: 130, signal: null });
});
