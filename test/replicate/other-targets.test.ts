import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startImgsync } from '../support/imgsync.js';
import { sshServer } from '../support/ssh-server.js';
import { type Tree, tempTree } from '../support/temp-tree.js';

type TargetJson = string | Readonly<Record<string, unknown>>;

const files = { 'a/f': '1', 'a/deep/er/g': '2', '\xff odd\nname': '3', "it's $HOME": '4' };

/** The first sync and then every sort of change, to a target that is reached some other way than by an rsync daemon. */
const carriesChanges = async (t: TestContext, target: Tree, json: TargetJson): Promise<void> => {
  const source = tempTree(t, files);
  source.link('link', '/nowhere/at all');
  target.write('extra/file', 'goes');
  const imgsync = startImgsync(t, { source: source.path, targets: [json] });
  await imgsync.ready();
  const settled = () => imgsync.settled([target.path]);
  await settled();
  source.write('a/f', 'X');
  source.write("new dir/it's $(id) `id`", '5');
  source.remove('a/deep');
  source.move("it's $HOME", '- moved');
  await settled();
  source.remove('a');
  source.write('a', 'a file now');
  await settled();
  source.remove('new dir');
  source.remove('\xff odd\nname');
  await settled();
  assert.deepEqual(
    imgsync.logs.filter(({ level }) => level === 'warn' || level === 'error'),
    [],
  );
};

test('a target behind ssh', async (t) => {
  const { port, user, identityFile, knownHostsFile } = await sshServer(t);
  const target = tempTree(t);
  await carriesChanges(t, target, {
    name: 'ssh',
    url: `ssh://${user}@127.0.0.1:${port}${target.path}`,
    ssh: { identityFile, knownHostsFile },
  });
});

test('a local directory', async (t) => {
  const target = tempTree(t);
  await carriesChanges(t, target, target.path);
});
