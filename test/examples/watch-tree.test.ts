import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exampleArgs } from '../support/example.js';
import { startGroup } from '../support/process-group.js';
import { tempTree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

test('the example names what is there and what is gone', async (t) => {
  const tree = tempTree(t, { 'a/f': '1', 'node_modules/x/y': '' });
  const watching = startGroup(
    t,
    process.execPath,
    [...exampleArgs, 'examples/watch-tree/watch.js', tree.path],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  watching.leader.stdout?.on('data', (bytes) => {
    output += String(bytes);
  });
  const says = (line: string) => waitFor(() => output.includes(`${line}\n`) || output, { what: line });
  await says('watching 2 directories');
  tree.write('a/g', '');
  await says('there a/g');
  tree.remove('a/f');
  await says('gone a/f');
  tree.write('b/c/d', '');
  await says('there b');
  watching.leader.kill('SIGTERM');
  assert.deepEqual(await watching.ended, { code: 0, signal: null });
});
