import type { Scope } from '../../test/support/scope.js';
import { imgsyncFast } from '../peers/imgsync.js';
import { lsyncd } from '../peers/lsyncd.js';
import { plainRsync } from '../peers/plain-rsync.js';
import type { Replicator } from '../peers/replicator.js';
import { type Scenario, us } from '../scenario.js';
import { openStage, secondsUntil, untilEqual, verify } from '../stage.js';
import { type Files, removeFiles, writeFiles } from '../tools.js';

/** One file in ten changes, one in a hundred is deleted. */
const [changedStep, removedStep, removedOffset] = [10, 100, 5];

export const playlists: Scenario = {
  name: 'playlists',
  question:
    'A tree of tiny files: a tenth changes and some are deleted, how long until every target is the same?',
  size: { files: 100_000, targets: 10, saves: 1, seconds: 1 },
  smokeSize: { files: 2000, targets: 3, saves: 1, seconds: 1 },
  run: async (bench) => {
    const tree: Files = { count: bench.size.files, bytes: [100, 300] };
    const stage = await openStage(bench.scope, { targets: bench.size.targets, files: tree });
    const { path } = stage.source;
    const removed: Files = { ...tree, step: removedStep, offset: removedOffset };
    let salt = 0;
    const change = async (): Promise<void> => {
      await writeFiles(path, { ...tree, step: changedStep, salt: ++salt });
      await removeFiles(path, removed);
    };
    const prepare = async (): Promise<void> => {
      await writeFiles(path, removed);
      await plainRsync(stage, ['-a', '--delete', '--modify-window=-1']);
    };
    const replicator = (start: Replicator) => async (scope: Scope, subject: string) => {
      await prepare();
      const running = await start(scope, stage);
      const seconds = await secondsUntil(async () => {
        await change();
        return untilEqual(stage);
      });
      bench.record(subject, 'on all targets', 's', seconds);
      await verify(bench, subject, stage);
      await running.stop();
    };
    await bench.alternate({
      [us]: replicator(imgsyncFast),
      'rsync -a --delete afterwards, all targets at once': async (_scope, subject) => {
        await prepare();
        await change();
        const seconds = await secondsUntil(() => plainRsync(stage, ['-a', '--delete']));
        bench.record(subject, 'on all targets', 's', seconds);
        await verify(bench, subject, stage);
      },
      ...(bench.has('lsyncd') ? { lsyncd: replicator(lsyncd) } : {}),
    });
  },
};
