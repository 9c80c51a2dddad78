import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from '../../../src/core/change.js';
import { type RelPath, ROOT } from '../../../src/core/path.js';
import { Checkpointer, type CheckpointSource } from '../../../src/store/checkpointer.js';
import { digestOf, digestStore } from '../../support/digest-store.js';

const created: Change = { kind: 'directory', path: 'a' as RelPath };

test('rounds are planned while there is something for them, and not otherwise', async (t) => {
  const planned = new Set<() => Promise<void>>();
  const clock = {
    now: () => 0,
    after: (delayMs: number, callback: () => unknown) => {
      if (delayMs === 3_000) planned.add(callback as () => Promise<void>);
      else setImmediate(callback);
      return () => planned.delete(callback as () => Promise<void>);
    },
  };
  let rounds = 0;
  const source: CheckpointSource = {
    digest: async (directories) => directories.map((path) => ({ path, digest: digestOf(path), entries: 1 })),
    existing: async () => new Set(),
    drain: async () => {
      rounds++;
      return [];
    },
  };
  const failed = (error: unknown): void => assert.fail(String(error));
  const checkpointer = new Checkpointer(source, { clock, intervalMs: 3_000, failed });
  const digests = (await digestStore(t)).target('target');
  const known = (path: RelPath) => ({
    path,
    digest: digestOf('before'),
    entries: 1,
    coverage: 'all' as const,
  });
  digests.put([ROOT, created.path].map(known));
  const world = { open: undefined as Change[] | undefined };
  const checkpoint = checkpointer.add({
    digests,
    openChanges: () => world.open,
    isCompared: () => world.open !== undefined,
  });
  const next = async (): Promise<void> => {
    assert.equal(planned.size, 1, 'one round is planned');
    const [run] = planned;
    planned.clear();
    await run?.();
  };

  checkpointer.start();
  assert.equal(planned.size, 0, 'nothing was ever sent');
  checkpoint.restart();
  await next();
  assert.equal(rounds, 0, 'it is not compared yet');
  world.open = [];
  await next();
  assert.equal(rounds, 1, 'what is older than the comparison was found out');
  assert.equal(planned.size, 0, 'and nothing was acknowledged since');

  const ticket = checkpoint.sending([created]);
  await next();
  assert.equal(planned.size, 0, 'what was sent is noted no longer than until a round');
  assert.equal(rounds, 1);
  checkpoint.acknowledged(ticket, []);
  checkpoint.acknowledged(checkpoint.sending([created]), []);
  world.open = [created];
  await next();
  assert.equal(rounds, 1, 'it has changed again');
  world.open = [];
  await next();
  assert.equal(digests.get(created.path)?.digest, digestOf(created.path));
  assert.equal(planned.size, 0);

  checkpoint.acknowledged(checkpoint.sending([created]), []);
  assert.equal(planned.size, 1);
  await checkpointer.stop();
  assert.equal(planned.size, 0, 'the last round is not followed by another one');
});
