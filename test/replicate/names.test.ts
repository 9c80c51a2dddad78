import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Replication, startReplication } from '../support/replication.js';
import { python } from '../support/run.js';
import { waitFor } from '../support/wait-for.js';

const controls = Array.from({ length: 31 }, (_, index) => String.fromCharCode(index + 1)).join('');
const odd: readonly string[] = [
  'new\nline',
  '\n',
  '#comment',
  ';comment',
  '-dash',
  '--delete',
  '-',
  ' leading',
  'trailing ',
  ' ',
  '*',
  '?',
  '[a]',
  '[!a-z]*',
  'back\\slash',
  'back\\',
  '\\#012',
  '"',
  "'",
  '$HOME',
  '$(id)',
  '`id`',
  '+ plus',
  '- minus',
  '.hidden',
  '...',
  '..a',
  'a:b::c',
  'rsync:',
  '~',
  '.~tmp~',
  '.file.AbCdEf',
  'tab\there',
  'cr\r',
  controls,
  '\x7f',
  '\xff',
  '\xc3\xa4', // ä
  '\xc3', // half of it
  '\x80\xfe\xff',
  'n'.repeat(255),
  `${'\xff'.repeat(254)}\n`,
];

/** Every name as a file, as a directory with files of every sort of place, as a link, and as what a link names. */
const createAll = ({ source }: Replication, names: readonly string[]): void => {
  for (const name of names) {
    source.write(`files/${name}`, name);
    source.write(`directories/${name}/${name}/file`, name);
    source.makeDirectory('links');
    source.link(`links/${name}`, name);
  }
};

test('odd names: created, changed, renamed, deleted, all exact', async (t) => {
  const replication = await startReplication(t);
  const { source } = replication;
  createAll(replication, odd);
  await replication.settled();
  for (const name of odd) {
    source.append(`files/${name}`, ' changed');
    source.write(`directories/${name}/${name}/file`, 'rewritten');
  }
  await replication.settled();
  // Each name becomes the next one: files by way of another directory, directories in place.
  for (const [index, name] of odd.entries()) {
    const next = odd[(index + 1) % odd.length] ?? '';
    source.makeDirectory('moved');
    source.move(`files/${name}`, `moved/${next}`);
    source.move(`directories/${name}`, `directories/renamed ${index}`);
  }
  for (const [index] of odd.entries()) {
    source.move(`directories/renamed ${index}`, `directories/${odd[(index + 1) % odd.length]}`);
  }
  await replication.settled();
  for (const [index, name] of odd.entries()) {
    source.remove(`moved/${name}`);
    source.remove(index % 2 === 0 ? `directories/${name}` : `directories/${name}/${odd.at(index - 1)}/file`);
    source.remove(`links/${name}`);
  }
  await replication.settled();
  for (const { read } of replication.targets.map((tree) => ({ read: tree.read.bind(tree) })))
    assert.throws(() => read('moved/#comment'), { code: 'ENOENT' });
  replication.assertNoRepair();
  assert.deepEqual(
    replication.imgsync.logs.filter(({ level }) => level === 'warn' || level === 'error'),
    [],
  );
});

test('odd names are there after the first sync', async (t) => {
  const files = Object.fromEntries(odd.map((name) => [`${name}/${name}`, name]));
  const replication = await startReplication(t, { files });
  await replication.settled();
});

/** Walks down one name at a time, as paths that the kernel takes no more have to be. `act` is done in the last. */
const walk = `
import os, sys
os.chdir(sys.argv[1])
def down(names, make):
    for name in names:
        if make and not os.path.isdir(name): os.mkdir(name)
        os.chdir(name)
def write(name, text):
    with open(name, 'w') as file: file.write(text)
`;
/** 16 names of 250 bytes: 4015 bytes with the slashes. */
const deep = "['%02d' % i + 'd' * 248 for i in range(16)]";

test('paths that rsync can not carry: watched without harm, never handed to it, reported as stuck', async (t) => {
  const replication = await startReplication(t, { targets: 1 });
  const { source, imgsync } = replication;
  const [target] = replication.targets;
  assert.ok(target);
  // "./" and this is 4095 bytes: the longest that rsync takes, and what it would make of the longer ones.
  const longest = `'v' * ${4095 - 2 - 16 * 251}`;
  const inDeep = (root: string, act: string) => python(root, `${walk}down(${deep}, True)\n${act}`, root);
  await inDeep(source.path, `write(${longest}, 'victim')`);
  await replication.settled({ exclude: (path) => path.startsWith('00d') });
  await inDeep(
    source.path,
    `write(${longest} + 'x', 'too long')\nos.mkdir('d' * 200)\nwrite('d' * 200 + '/f', 'f')`,
  );
  const stuck = await imgsync.waitForLog(({ code }) => code === 'PATH_TOO_LONG', 'word about the path');
  assert.equal(stuck.level, 'warn');
  // Deleting it must not delete the one that its name is cut to.
  await inDeep(source.path, `os.remove(${longest} + 'x')`);
  source.write('other', 'goes on');
  await replication.settled({ exclude: (path) => path.startsWith('00d') });
  const victim = `${walk}down(${deep}, False)\nprint(open(${longest}).read(), *sorted(len(name) for name in os.listdir('.')))`;
  const left = () => python(target.path, victim, target.path);
  assert.match(await left(), /^victim 77\b/);
  // A listing of their directory may have carried it all the same. rsync deletes nothing in a directory of which it
  // could not send all, so it goes when the longer ones are gone.
  await inDeep(source.path, `os.remove('d' * 200 + '/f')\nos.rmdir('d' * 200)`);
  await waitFor(
    async () => {
      const found = await left();
      return found === 'victim 77\n' || found;
    },
    { what: 'only the one that was not deleted is left' },
  );
  await python(source.path, `${walk}import shutil\nshutil.rmtree('00' + 'd' * 248)`, source.path);
  await replication.settled();
});
