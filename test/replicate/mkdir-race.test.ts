import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startReplication } from '../support/replication.js';
import { shell } from '../support/run.js';

test('directories that are filled as they are made: 200 rounds, no file missed', async (t) => {
  const replication = await startReplication(t);
  const { source } = replication;
  const rounds =
    'i=0; while [ $i -lt 200 ]; do mkdir -p $i/a/b/c && echo $i > $i/a/b/c/f; i=$((i + 1)); done';
  await shell(source.path, rounds);
  await replication.settled();
  for (const target of replication.targets) assert.equal(target.read('199/a/b/c/f').toString(), '199\n');
  replication.assertNoRepair();
});

test('the same directory made, filled and deleted again and again', async (t) => {
  const replication = await startReplication(t);
  const { source } = replication;
  const rounds =
    'i=0; while [ $i -lt 200 ]; do rm -rf a; mkdir -p a/b/c && echo $i > a/b/c/f; i=$((i + 1)); done';
  await shell(source.path, rounds);
  await replication.settled();
  for (const target of replication.targets) assert.equal(target.read('a/b/c/f').toString(), '199\n');
  replication.assertNoRepair();
});
