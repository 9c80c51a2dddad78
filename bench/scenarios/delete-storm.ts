import { join } from 'node:path';
import { run } from '../../test/support/run.js';
import type { Scope } from '../../test/support/scope.js';
import { imgsyncFast } from '../peers/imgsync.js';
import { lsyncd } from '../peers/lsyncd.js';
import { plainRsync } from '../peers/plain-rsync.js';
import type { Replicator } from '../peers/replicator.js';
import { type Scenario, us } from '../scenario.js';
import { openStage, type Stage, secondsUntil, untilEqual, verify } from '../stage.js';
import { writeFiles } from '../tools.js';

export const deleteStorm: Scenario = {
  name: 'delete-storm',
  question: 'A tree of many files is deleted: how long until it is gone at every target?',
  size: { files: 20_000, targets: 8, saves: 1, seconds: 1 },
  smokeSize: { files: 1000, targets: 3, saves: 1, seconds: 1 },
  run: async (bench) => {
    const { targets } = bench.size;
    const prepared = async (scope: Scope): Promise<Stage> => {
      const stage = await openStage(scope, { targets, files: { count: 100 } });
      stage.source.makeDirectory('gone');
      await writeFiles(join(stage.source.path, 'gone'), { count: bench.size.files });
      await plainRsync(stage);
      return stage;
    };
    const remove = ({ source }: Stage) => run('rm', ['-rf', join(source.path, 'gone')]);
    const replicator = (start: Replicator) => async (scope: Scope, subject: string) => {
      const stage = await prepared(scope);
      const running = await start(scope, stage);
      const seconds = await secondsUntil(async () => {
        await remove(stage);
        return untilEqual(stage);
      });
      bench.record(subject, 'gone at all targets', 's', seconds);
      await verify(bench, subject, stage);
      await running.stop();
    };
    await bench.alternate({
      [us]: replicator(imgsyncFast),
      'rsync -a --delete afterwards, all targets at once': async (scope, subject) => {
        const stage = await prepared(scope);
        await remove(stage);
        const seconds = await secondsUntil(() => plainRsync(stage, ['-a', '--delete']));
        bench.record(subject, 'gone at all targets', 's', seconds);
        await verify(bench, subject, stage);
      },
      ...(bench.has('lsyncd') ? { lsyncd: replicator(lsyncd) } : {}),
    });
  },
};
