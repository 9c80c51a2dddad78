import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startReplication } from '../support/replication.js';
import { waitFor } from '../support/wait-for.js';

test('a file rewritten at the same size within the second of its last transfer is never stale', async (t) => {
  const { source, targets, imgsync } = await startReplication(t, {
    targets: 1,
    files: { f: 'content 000\n' },
  });
  const [target] = targets;
  assert.ok(target);
  let withinSecond = 0;
  let before = 0;
  for (let i = 0; i < 200; i++) {
    const content = `content ${String(i).padStart(3, '0')}\n`;
    source.write('f', content);
    const second = Math.floor(Date.now() / 1000);
    if (second === before) withinSecond++;
    before = second;
    await waitFor(
      () => {
        imgsync.assertRunning();
        return target.read('f').toString() === content || `the target has ${target.read('f').toString()}`;
      },
      { what: `content ${i} at the target`, limitMs: 30_000 },
    );
  }
  // Otherwise nothing was tested.
  assert.ok(withinSecond > 50, `${withinSecond} of 200 were rewritten within the same second`);
});
