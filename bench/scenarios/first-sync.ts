import { imgsyncFast } from '../peers/imgsync.js';
import { namedRsync } from '../peers/named-rsync.js';
import { plainRsync } from '../peers/plain-rsync.js';
import { type Scenario, us } from '../scenario.js';
import { measure, openStage, type Stage, verify } from '../stage.js';

/** As many as imgsync-fast puts in a batch. */
const filesInCall = 8192;

export const firstSync: Scenario = {
  name: 'first-sync',
  question: 'A tree and empty targets: how long until they have all of it?',
  size: { files: 200_000, targets: 1, saves: 1, seconds: 1 },
  smokeSize: { files: 2000, targets: 1, saves: 1, seconds: 1 },
  run: async (bench) => {
    const { files, targets } = bench.size;
    const { source } = await openStage(bench.scope, { targets: 0, files: { count: files } });
    const sync = async (subject: string, stage: Stage, work: () => Promise<unknown>): Promise<void> => {
      await measure(bench, subject, 'all there', work);
      await verify(bench, subject, stage);
    };
    await bench.alternate({
      [us]: async (scope, subject) => {
        const stage = { source, daemons: (await openStage(scope, { targets })).daemons };
        await sync(subject, stage, () => imgsyncFast(scope, stage));
      },
      'rsync -a': async (scope, subject) => {
        const stage = { source, daemons: (await openStage(scope, { targets })).daemons };
        await sync(subject, stage, () => plainRsync(stage));
      },
      'rsync told the directories, two calls at a time': async (scope, subject) => {
        const stage = { source, daemons: (await openStage(scope, { targets })).daemons };
        const calls = Math.ceil(files / filesInCall);
        await sync(subject, stage, () => namedRsync(stage, { calls, atATime: 2 }));
      },
    });
  },
};
