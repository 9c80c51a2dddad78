import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startReplication } from '../support/replication.js';
import { run, shell } from '../support/run.js';
import { tempTree } from '../support/temp-tree.js';

const packages = fileURLToPath(new URL('../../../node_modules', import.meta.url));
const gitEnvironment = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@localhost',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@localhost',
};

test('git: clone, checkouts back and forth, commit, gc', async (t) => {
  const replication = await startReplication(t);
  const { source } = replication;
  const origin = tempTree(t);
  const git = (cwd: string, ...args: string[]) => run('git', args, { cwd, env: gitEnvironment });
  await git(origin.path, 'init', '-q', '-b', 'main');
  for (let i = 0; i < 300; i++) origin.write(`src/${i % 20}/file-${i}.txt`, `${i}\n`.repeat(i));
  await git(origin.path, 'add', '.');
  await git(origin.path, 'commit', '-qm', 'one');
  await git(origin.path, 'checkout', '-qb', 'other');
  await shell(
    origin.path,
    'git mv src lib; for f in lib/1/*; do echo more >> "$f"; done; rm -r lib/2; mkdir lib/2; ln -s ../3 lib/2/link',
  );
  await git(origin.path, 'add', '-A');
  await git(origin.path, 'commit', '-qm', 'two');
  await git(source.path, 'clone', '-q', origin.path, 'clone');
  const clone = join(source.path, 'clone');
  for (const branch of ['main', 'other', 'main', 'other', 'main']) await git(clone, 'checkout', '-q', branch);
  await replication.settled();
  await git(clone, 'checkout', '-q', 'other');
  source.write('clone/lib/new.txt', 'new');
  await git(clone, 'add', '-A');
  await git(clone, 'commit', '-qm', 'three');
  await git(clone, 'gc', '-q', '--prune=now');
  await replication.settled();
  replication.assertNoRepair();
});

test('npm ci, twice', async (t) => {
  const replication = await startReplication(t);
  const { source } = replication;
  const workshop = tempTree(t);
  const dependencies: Record<string, string> = {};
  for (const name of ['first', 'second', 'third']) {
    workshop.write(`${name}/package.json`, JSON.stringify({ name, version: '1.0.0', bin: 'file-0.js' }));
    for (let i = 0; i < 200; i++) workshop.write(`${name}/lib/${i % 9}/file-${i}.js`, `// ${name} ${i}\n`);
    workshop.write(`${name}/file-0.js`, '#!/usr/bin/env node\n');
    await run('npm', ['pack', '--silent', '--pack-destination', workshop.path], {
      cwd: join(workshop.path, name),
    });
    dependencies[name] = `file:${workshop.path}/${name}-1.0.0.tgz`;
  }
  source.write('app/package.json', JSON.stringify({ name: 'app', version: '1.0.0', dependencies }));
  const options = [
    '--offline',
    '--no-audit',
    '--no-fund',
    '--silent',
    '--cache',
    join(workshop.path, 'cache'),
  ];
  const app = join(source.path, 'app');
  await run('npm', ['install', ...options], { cwd: app });
  for (let i = 0; i < 2; i++) await run('npm', ['ci', ...options], { cwd: app });
  await replication.settled();
  for (const target of replication.targets) assert.ok(target.read('app/node_modules/third/lib/1/file-1.js'));
  replication.assertNoRepair();
});

test('tar x, cp -a, sed -i, mv, rm -rf on a tree of packages', async (t) => {
  const replication = await startReplication(t);
  const { source } = replication;
  const chosen = ['typescript', 'zod', 'pino', 'fast-check', '.bin'].filter((name) =>
    existsSync(join(packages, name)),
  );
  const archive = tempTree(t);
  await run('tar', ['cf', join(archive.path, 'packages.tar'), '-C', packages, ...chosen]);
  await shell(source.path, `tar xf '${archive.path}/packages.tar'`);
  await replication.settled();
  await shell(
    source.path,
    'cp -a zod zod-copy; mv pino pino-moved; mv zod inside-typescript; mv inside-typescript typescript/',
  );
  await shell(
    source.path,
    "find . -name '*.d.ts' -size -100k -print0 | head -z -n 400 | xargs -0 sed -i 's/export/EXPORT/'",
  );
  await shell(
    source.path,
    'rm -rf fast-check; mkdir fast-check; echo new > fast-check/new; rm -rf typescript/lib',
  );
  await replication.settled();
  await shell(source.path, `tar xf '${archive.path}/packages.tar' && rm -rf zod-copy pino-moved`);
  await replication.settled();
  replication.assertNoRepair();
});

test('rsync into the tree, with deletes and in place', async (t) => {
  const replication = await startReplication(t);
  const { source } = replication;
  const origin = tempTree(t);
  for (let i = 0; i < 500; i++) origin.write(`${i % 25}/file-${i}`, `${i}\n`.repeat(50));
  const into = (...args: string[]) => run('rsync', ['-a', ...args, `${origin.path}/`, `${source.path}/`]);
  await into();
  await replication.settled();
  for (let i = 0; i < 500; i += 3) origin.append(`${i % 25}/file-${i}`, 'more');
  origin.remove('7');
  origin.write('7', 'a file now');
  origin.move('8', '8-moved');
  await into('--delete', '--inplace');
  await replication.settled();
  for (let i = 0; i < 500; i += 6) if (![7, 8].includes(i % 25)) origin.remove(`${i % 25}/file-${i}`);
  await into('--delete', '--delay-updates');
  await replication.settled();
  replication.assertNoRepair();
});
