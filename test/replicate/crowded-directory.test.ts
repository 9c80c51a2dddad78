import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { startReplication } from '../support/replication.js';
import { waitFor } from '../support/wait-for.js';

const names = Array.from({ length: 200 }, (_, i) => `d/f${i}`);

for (const deletes of [true, false]) {
  test(`a directory that changes as a whole, deletes ${deletes ? 'on' : 'off'}`, async (t) => {
    const replication = await startReplication(t, { config: { delete: deletes } });
    const { source, targets } = replication;
    for (const name of names) source.write(name, 'first');
    await replication.settled();
    for (const target of targets) target.write('d/extra', 'only at the target');
    // Nothing appears in the directory, so that it is at rest.
    const rewriteUntil = (condition: () => boolean) =>
      waitFor(
        () => {
          for (const name of names) source.write(name, `again ${Math.random()}`);
          return condition();
        },
        { what: 'the directory as a whole' },
      );
    const isExtraLeft = () => targets.some((target) => existsSync(target.at('d/extra')));
    if (deletes) {
      // Only a directory that is sent as a whole loses what the source does not have.
      await rewriteUntil(() => !isExtraLeft());
      await replication.settled();
    } else {
      await rewriteUntil(() => true);
      await replication.settled({ exclude: (path) => path === 'd/extra' });
      assert.ok(isExtraLeft());
    }
  });
}
