import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Recorder, record } from '../support/recorder.js';
import { python } from '../support/run.js';
import { tempTree } from '../support/temp-tree.js';

const cycles = Number(process.env.DIRECTORY_CYCLES ?? 10_000);

/** Directories that come, are moved with what is in them, and go. */
const script = `
import os, sys
for i in range(int(sys.argv[1])):
  d = f'd{i % 97}'
  os.makedirs(f'{d}/sub')
  open(f'{d}/sub/f', 'w').close()
  os.rename(f'{d}/sub', f'keep/s{i % 31}')
  os.rename(d, f'keep/d{i % 31}')
  os.unlink(f'keep/s{i % 31}/f')
  os.rmdir(f'keep/s{i % 31}')
  os.rmdir(f'keep/d{i % 31}')
`;

/** Watches of this process, over all inotify instances. */
const watches = (): number => {
  let count = 0;
  for (const fd of readdirSync('/proc/self/fdinfo')) {
    try {
      count += readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1').match(/^inotify wd:/gm)?.length ?? 0;
    } catch {
      // The descriptor of the listing itself.
    }
  }
  return count;
};

const rssMib = (): number => process.memoryUsage.rss() / 1024 ** 2;
const descriptors = (): number => readdirSync('/proc/self/fd').length;

const run = async (recorder: Recorder, root: string, count: number): Promise<void> => {
  await python(root, script, String(count));
  await recorder.take();
  while (recorder.native.stats().settling > 0) await recorder.take();
  await recorder.untilKnown(3);
};

test(`${cycles} directories made, moved and removed: no watch, descriptor or memory stays`, async (t) => {
  const tree = tempTree(t, { 'keep/f': '1', 'other/f': '1' });
  const recorder = await record(t, tree.path, { settleMs: 5 });
  // What is taken once for good is taken now.
  await run(recorder, tree.path, Math.min(2_000, cycles));
  const before = { watches: watches(), descriptors: descriptors(), rss: rssMib() };
  assert.equal(before.watches, 3);
  await run(recorder, tree.path, cycles);
  const after = { watches: watches(), descriptors: descriptors(), rss: rssMib() };
  t.diagnostic(`${before.rss.toFixed(0)} MiB before, ${after.rss.toFixed(0)} MiB after`);
  const { pending, settling } = recorder.native.stats();
  assert.deepEqual({ pending, settling }, { pending: 0, settling: 0 });
  assert.equal(after.watches, before.watches);
  assert.equal(after.descriptors, before.descriptors);
  assert.ok(after.rss < before.rss + 48, `${before.rss} MiB before, ${after.rss} MiB after`);
});
