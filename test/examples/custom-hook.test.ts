import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { parse } from 'jsonc-parser';
import { startReplication } from '../support/replication.js';
import { tempDirectory } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

const program = resolve('examples/custom-hook/feed.mjs');

test('the example lists the pictures that every target has', async (t) => {
  const feed = join(tempDirectory(t, 'feed'), 'feed.json');
  const { hooks } = parse(readFileSync('examples/custom-hook/sync.json', 'utf8')) as {
    hooks: readonly Readonly<Record<string, unknown>>[];
  };
  const argv = [process.execPath, program, feed, 'https://pic.example/'];
  const { source, daemons } = await startReplication(t, {
    config: { hooks: hooks.map((hook) => ({ ...hook, argv })) },
  });
  const listed = async (urls: readonly string[]): Promise<void> => {
    const expected = urls.map((url) => `https://pic.example/${url}`).toSorted();
    const found = () =>
      existsSync(feed) ? (JSON.parse(readFileSync(feed, 'utf8')).pictures as string[]).toSorted() : [];
    const isListed = () => JSON.stringify(found()) === JSON.stringify(expected) || found().join(' ');
    await waitFor(isListed, { what: expected.join(' ') || 'an empty list' });
  };

  source.write('a/one.jpg', '1');
  source.write('a/notes.txt', '1');
  await listed(['a/one.jpg']);
  for (const { tree } of daemons) assert.equal(tree.read('a/one.jpg').toString(), '1');

  source.write('50% k\xc3\xa4se.png', '2');
  source.write('caf\xe9.gif', '3'); // latin1: a byte that is no UTF-8
  await listed(['a/one.jpg', '50%25%20k%C3%A4se.png', 'caf%E9.gif']);

  const outside = tempDirectory(t, 'outside');
  renameSync(source.at('a'), join(outside, 'a'));
  await listed(['50%25%20k%C3%A4se.png', 'caf%E9.gif']);
  renameSync(join(outside, 'a'), source.at('b'));
  await listed(['b/one.jpg', '50%25%20k%C3%A4se.png', 'caf%E9.gif']);
});

test('it says how it is called', () => {
  const { status, stderr } = spawnSync(process.execPath, [program, 'feed.json'], { encoding: 'utf8' });
  assert.deepEqual([status, stderr], [64, 'usage: feed.mjs FEED.JSON BASE-URL [MOST]\n']);
});
