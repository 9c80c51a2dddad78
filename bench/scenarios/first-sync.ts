import { imgsyncFast } from '../peers/imgsync.js';
import { plainRsync } from '../peers/plain-rsync.js';
import { type Scenario, us } from '../scenario.js';
import { openStage, type Stage, secondsUntil, verify } from '../stage.js';

export const firstSync: Scenario = {
  name: 'first-sync',
  question: 'A tree and empty targets: how long until they have all of it?',
  size: { files: 200_000, targets: 1, saves: 1, seconds: 1 },
  smokeSize: { files: 2000, targets: 1, saves: 1, seconds: 1 },
  run: async (bench) => {
    const { files, targets } = bench.size;
    const { source } = await openStage(bench.scope, { targets: 0, files: { count: files } });
    const measure = async (subject: string, stage: Stage, work: () => Promise<unknown>): Promise<void> => {
      bench.record(subject, 'all there', 's', await secondsUntil(work));
      await verify(bench, subject, stage);
    };
    await bench.alternate({
      [us]: async (scope, subject) => {
        const stage = { source, daemons: (await openStage(scope, { targets })).daemons };
        await measure(subject, stage, () => imgsyncFast(scope, stage));
      },
      'rsync -a': async (scope, subject) => {
        const stage = { source, daemons: (await openStage(scope, { targets })).daemons };
        await measure(subject, stage, () => plainRsync(stage));
      },
    });
  },
};
