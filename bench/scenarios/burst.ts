import type { Scope } from '../../test/support/scope.js';
import { imgsyncFast } from '../peers/imgsync.js';
import { lsyncd } from '../peers/lsyncd.js';
import { namedRsync } from '../peers/named-rsync.js';
import { plainRsync } from '../peers/plain-rsync.js';
import type { Replicator } from '../peers/replicator.js';
import { type Scenario, us } from '../scenario.js';
import { measure, openStage, untilAcknowledged, verify } from '../stage.js';
import { writeFiles } from '../tools.js';

export const burst: Scenario = {
  name: 'burst',
  question: 'Many files of 4 KB are written at once: how long until every target has all of them?',
  size: { files: 20_000, targets: 8, saves: 1, seconds: 1 },
  smokeSize: { files: 1000, targets: 3, saves: 1, seconds: 1 },
  run: async (bench) => {
    const { targets } = bench.size;
    // None of those that are there before: a plain rsync would not see that one was rewritten in the same second.
    const files = { first: 100, count: bench.size.files };
    const replicator = (start: Replicator) => async (scope: Scope, subject: string) => {
      const stage = await openStage(scope, { targets, files: { count: 1 } });
      const running = await start(scope, stage);
      await measure(bench, subject, 'on all targets', async () => {
        await writeFiles(stage.source.path, files);
        return untilAcknowledged(bench, subject, stage, running);
      });
      await verify(bench, subject, stage);
      await running.stop();
    };
    await bench.alternate({
      [us]: replicator(imgsyncFast),
      'rsync -a of the finished tree, all targets at once': async (scope, subject) => {
        const stage = await openStage(scope, { targets, files });
        await measure(bench, subject, 'on all targets', () => plainRsync(stage));
        await verify(bench, subject, stage);
      },
      // About as many calls as a burst of this size takes.
      'rsync told the directories of the finished tree, in 8 calls': async (scope, subject) => {
        const stage = await openStage(scope, { targets, files });
        await measure(bench, subject, 'on all targets', () => namedRsync(stage, { calls: 8, atATime: 1 }));
        await verify(bench, subject, stage);
      },
      ...(bench.has('lsyncd') ? { lsyncd: replicator(lsyncd) } : {}),
    });
  },
};
