import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { processesOf } from '../../support/process-group.js';
import { atEnd } from '../../support/scope.js';
import { waitFor } from '../../support/wait-for.js';

test('what a scope undoes is undone newest first, the rest also when one fails', async () => {
  const done: number[] = [];
  const undos: (() => unknown)[] = [];
  const scope = { after: (undo: () => unknown) => undos.push(undo) };
  for (const number of [1, 2, 3]) {
    atEnd(scope, () => {
      done.push(number);
      if (number === 2) throw new Error('two fails');
    });
  }
  assert.equal(undos.length, 1);
  await assert.rejects(async () => undos[0]?.(), /two fails/);
  assert.deepEqual(done, [3, 2, 1]);
});

test('a killed test leaves no process and no tree behind', async (t) => {
  const script = `
    const { startGroup } = await import(${JSON.stringify(new URL('../../support/process-group.js', import.meta.url))});
    const { tempDirectory } = await import(${JSON.stringify(new URL('../../support/temp-tree.js', import.meta.url))});
    const scope = { after() {} };
    const group = startGroup(scope, 'sh', ['-c', 'cat; true'], { stdio: ['pipe', 'ignore', 'ignore'] });
    console.log(JSON.stringify({ id: group.id, path: tempDirectory(scope) }));
    setInterval(() => {}, 1e9);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const { id, path } = JSON.parse(line) as { id: number; path: string };
  assert.ok(processesOf(id).length > 0);
  assert.ok(existsSync(path));
  child.kill('SIGKILL');
  await waitFor(() => processesOf(id).length === 0 && !existsSync(path), { what: 'clean-up' });
});
