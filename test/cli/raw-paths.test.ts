import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { CommandResult } from '../support/command.js';
import { type Replication, startReplication } from '../support/replication.js';

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** Runs `imgsync-fast` with arguments as bash reads them: node can't give a program what is no UTF-8. */
const inBash = async ({ imgsync, source }: Replication, words: string): Promise<CommandResult> => {
  const script = `exec "$1" "$2" --config "$3" ${words}`;
  const args = ['-c', script, source.path, process.execPath, main, imgsync.file];
  const child = spawn('bash', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { code, stdout, stderr };
};

test('paths that are no UTF-8 are taken byte by byte', async (t) => {
  // As latin1 writes é and è: for node they look the same.
  const [acute, grave] = ['caf\xe9.jpg', 'caf\xe8.jpg'];
  const replication = await startReplication(t, {
    targets: 1,
    files: { [acute]: 'acute', [grave]: 'grave', 'd\xff/x': 'x', 'caf\xc3\xa9.jpg': 'utf8' },
  });
  const [target] = replication.targets;
  assert.ok(target !== undefined);
  const done = async (words: string): Promise<string> => {
    const { code, stdout, stderr } = await inBash(replication, words);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' }, words);
    return stdout;
  };
  await done('wait');
  for (const path of ["$'caf\\xe9.jpg'", "./$'caf\\xe9.jpg'", '"$0"/$\'caf\\xe9.jpg\''])
    assert.match(await done(`why ${path}`), /^caf\\xe9\.jpg: a file of the source\ntarget-1: acknowledged/);
  assert.match(await done('why café.jpg'), /^café\.jpg: a file of the source\n/);

  for (const path of [acute, grave, 'd\xff/x']) target.remove(path);
  assert.match(await done("push $'caf\\xe9.jpg' $'caf\\xe8.jpg' $'d\\xff'"), /^3 paths are sent again$/m);
  await done("wait --path $'caf\\xe9.jpg' --path=$'caf\\xe8.jpg' --path $'d\\xff/x'");
  assert.deepEqual(
    [acute, grave, 'd\xff/x'].map((path) => target.read(path).toString()),
    ['acute', 'grave', 'x'],
  );
  const missing = await inBash(replication, "wait --path $'caf\\xea.jpg'");
  assert.match(missing.stderr, /^caf\\xea\.jpg: the source has no such path$/m);
  const outside = await inBash(replication, "why $'/else/caf\\xe9.jpg'");
  assert.equal(outside.code, 64, outside.stdout);
  assert.match(outside.stderr, /is not in the source/);
});
