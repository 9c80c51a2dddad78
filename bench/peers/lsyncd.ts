import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { processesOf, startGroup } from '../../test/support/process-group.js';
import type { Scope } from '../../test/support/scope.js';
import { tempDirectory } from '../../test/support/temp-tree.js';
import { waitFor } from '../../test/support/wait-for.js';
import type { Stage } from '../stage.js';
import type { RunningReplicator } from './replicator.js';

/** lsyncd as fast as its settings allow: no delay, a process for each target. */
export const lsyncd = async (scope: Scope, { source, daemons }: Stage): Promise<RunningReplicator> => {
  const folder = tempDirectory(scope, 'lsyncd');
  const [config, log] = [join(folder, 'lsyncd.lua'), join(folder, 'log')];
  const syncs = daemons.map(
    ({ url }) =>
      `sync { default.rsync, source = "${source.path}", target = "${url}/", delay = 0, maxDelays = 1,\n` +
      '  rsync = { archive = true } }\n',
  );
  writeFileSync(
    config,
    `settings { nodaemon = true, logfile = "${log}", maxProcesses = ${daemons.length} }\n${syncs.join('')}`,
  );
  writeFileSync(log, '');
  const group = startGroup(scope, 'lsyncd', ['-nodaemon', config], { stdio: 'ignore' });
  const assertRunning = () => {
    if (group.ending !== undefined) throw new Error(`lsyncd ended:\n${readFileSync(log, 'utf8')}`);
  };
  await waitFor(
    () => {
      assertRunning();
      return [...readFileSync(log, 'utf8').matchAll(/Startup of .* finished/g)].length >= daemons.length;
    },
    { what: 'startup of lsyncd', limitMs: 3_600_000 },
  );
  return {
    group: group.id,
    beforeChange: () => async () => {
      await waitFor(
        () => {
          assertRunning();
          return processesOf(group.id).length === 1;
        },
        { what: 'end of the rsyncs of lsyncd' },
      );
      // It starts the next ones at its own pace.
      await pause(30);
    },
    stop: () => group.end('SIGTERM'),
  };
};
