import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import type { DaemonStatus } from '../../src/daemon/status.js';
import { startReplication } from '../support/replication.js';
import { waitFor } from '../support/wait-for.js';

const names = Array.from({ length: 200 }, (_, i) => `d/f${i}`);

for (const deletes of [true, false]) {
  test(`a directory that changes as a whole, deletes ${deletes ? 'on' : 'off'}`, async (t) => {
    const replication = await startReplication(t, { config: { delete: deletes } });
    const { source, targets, daemons } = replication;
    for (const name of names) source.write(name, 'first');
    await replication.settled();
    for (const target of targets) target.write('d/extra', 'only at the target');

    // Paused, so that all of it comes in one batch.
    const steer = (verb: 'pause' | 'resume'): void => {
      for (const [index] of daemons.entries())
        assert.equal(replication.command(verb, `target-${index + 1}`).code, 0);
    };
    steer('pause');
    for (const name of names) source.write(name, 'again');
    await waitFor(
      () => {
        const status = JSON.parse(replication.command('status', '--json').stdout) as DaemonStatus;
        return status.targets.every(({ pending }) => pending === names.length);
      },
      { what: 'all changes to be known' },
    );
    steer('resume');
    await replication.settled({ exclude: (path) => path === 'd/extra' });
    // Only a directory that is sent as a whole loses what the source does not have.
    for (const target of targets) assert.equal(existsSync(target.at('d/extra')), !deletes);
  });
}
