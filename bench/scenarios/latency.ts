import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { measureSaves, percentile } from '../../test/support/latency.js';
import { run } from '../../test/support/run.js';
import { atEnd, type Scope } from '../../test/support/scope.js';
import { imgsyncFast } from '../peers/imgsync.js';
import { lsyncd } from '../peers/lsyncd.js';
import type { Replicator, RunningReplicator } from '../peers/replicator.js';
import { type Bench, type Scenario, us } from '../scenario.js';
import { openStage, type Stage, verify } from '../stage.js';

/** Beside what is saved there is a tree, as there always is. */
const files = { count: 1000 };
/** Saves before the first that counts. */
const warmUp = 5;
/** Between two saves, ms: what a replicator prepares for the next one is done by then. */
const pauseMs = 200;

/** No replicator that sends by rsync can be faster. */
const floor = 'rsync that waited for the name, nothing else';

export const latency: Scenario = {
  name: 'latency',
  question: 'One file is saved while all is quiet: how long until every target has it?',
  size: { files: files.count, targets: 8, saves: 200, seconds: 1 },
  smokeSize: { files: files.count, targets: 3, saves: 5, seconds: 1 },
  run: async (bench) => {
    const { targets, saves } = bench.size;
    const measure =
      (start: Replicator, isTuned = false) =>
      async (scope: Scope, subject: string) => {
        const stage = await openStage(scope, { targets, files, isTuned });
        const running = await start(scope, stage);
        const latencies = await measureSaves(stage.source, stage.daemons, saves + warmUp, () => {
          const untilQuiet = running.beforeChange();
          return async () => {
            await untilQuiet();
            await pause(pauseMs);
          };
        });
        recordLatencies(bench, subject, latencies.slice(warmUp));
        await verify(bench, subject, stage, files.count * targets);
        await running.stop();
      };
    await bench.alternate({
      [us]: measure(imgsyncFast),
      [`${us}, TCP_NODELAY at the targets`]: measure(imgsyncFast, true),
      ...(bench.has('lsyncd') ? { lsyncd: measure(lsyncd) } : {}),
      'rsync started at the save': measure(coldRsync),
      [floor]: measure(waitingRsync),
    });
  },
};

export const recordLatencies = (bench: Bench, subject: string, latencies: readonly number[]): void => {
  for (const share of [50, 90, 99]) bench.record(subject, `p${share}`, 'ms', percentile(latencies, share));
  bench.spread(subject, 'save to all targets', 'ms', latencies);
};

/** What is left when nothing has to be found out: an rsync of the one file to each target, as soon as it is saved. */
const coldRsync = async (_scope: Scope, { source, daemons }: Stage): Promise<RunningReplicator> => {
  await Promise.all(daemons.map(({ url }) => run('rsync', ['-a', `${source.path}/`, `${url}/`])));
  return {
    group: process.pid,
    beforeChange: () => {
      let sending: Promise<unknown> = Promise.resolve();
      // Called before the save, which is made in the same turn.
      setImmediate(() => {
        sending = Promise.all(
          daemons.map(({ url }) => run('rsync', [...options, 'saved.html', `${url}/`], { cwd: source.path })),
        );
      });
      return async () => {
        await sending;
      };
    },
    stop: async () => {},
  };
};

/** An rsync for each target was started in time and knows all but the name of the file. */
const waitingRsync = async (scope: Scope, { source, daemons }: Stage): Promise<RunningReplicator> => {
  await Promise.all(daemons.map(({ url }) => run('rsync', ['-a', `${source.path}/`, `${url}/`])));
  const start = () =>
    daemons.map(({ url }) => {
      const child = spawn('rsync', [...options, '--from0', '--files-from=-', './', `${url}/`], {
        cwd: source.path,
        stdio: ['pipe', 'ignore', 'ignore'],
      });
      return { child, ended: once(child, 'close') };
    });
  let waiting = start();
  atEnd(scope, () => {
    for (const { child } of waiting) child.kill();
  });
  return {
    group: process.pid,
    beforeChange: () => {
      // Called before the save, which is made in the same turn.
      setImmediate(() => {
        for (const { child } of waiting) child.stdin?.end('saved.html\0');
      });
      return async () => {
        await Promise.all(waiting.map(({ ended }) => ended));
        waiting = start();
      };
    },
    stop: async () => {
      // Without a name they have nothing to do.
      for (const { child } of waiting) child.stdin?.end();
      await Promise.all(waiting.map(({ ended }) => ended));
    },
  };
};

const options = ['-lptgoD', '--modify-window=-1', '--sockopts=TCP_NODELAY'];
