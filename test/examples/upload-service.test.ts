import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'jsonc-parser';
import type { ConfigInput } from '../../src/index.js';
import { setting } from '../support/embedded.js';
import { exampleArgs } from '../support/example.js';
import { startGroup } from '../support/process-group.js';
import { tempDirectory } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

test('200 uploads at once: each answer comes after every replica has the bytes', async (t) => {
  const { source, daemons, config } = await setting(t, 3);
  const file = join(tempDirectory(t), 'sync.json');
  const { exclude } = parse(readFileSync('examples/upload-service/sync.json', 'utf8')) as ConfigInput;
  writeFileSync(file, JSON.stringify({ ...config, exclude }));
  const server = startGroup(
    t,
    process.execPath,
    [...exampleArgs, 'examples/upload-service/server.js', file, '0'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  server.leader.stdout?.on('data', (bytes) => {
    output += String(bytes);
  });
  await waitFor(() => output.includes('listening on '), { what: 'start of the service' });
  const port = /listening on (\d+)/.exec(output)?.[1];
  const late: string[] = [];
  const upload = async (index: number): Promise<void> => {
    const [name, body] = [`picture-${index}.jpg`, randomBytes(1_000 + 97 * index)];
    const answer = await fetch(`http://127.0.0.1:${port}/${name}`, { method: 'PUT', body });
    // Before anything else runs here: what is on the disks now was there before the answer.
    const there = daemons.filter(({ tree }) => tree.has(name) && tree.read(name).equals(body));
    assert.equal(answer.status, 201, await answer.text());
    if (there.length < daemons.length) late.push(name);
  };
  await Promise.all(Array.from({ length: 200 }, (_, index) => upload(index)));
  assert.deepEqual(late, []);
  assert.equal(source.count(), 200);
  for (const { tree } of daemons) assert.equal(tree.count(), 200);
  const refused = await fetch(`http://127.0.0.1:${port}/.hidden`, { method: 'PUT', body: 'x' });
  assert.equal(refused.status, 400);
  server.leader.kill('SIGTERM');
  assert.deepEqual(await server.ended, { code: 0, signal: null });
});
