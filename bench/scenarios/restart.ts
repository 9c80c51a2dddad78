import { join } from 'node:path';
import { untilContent } from '../../test/support/latency.js';
import { tempDirectory } from '../../test/support/temp-tree.js';
import { imgsyncFast } from '../peers/imgsync.js';
import { plainRsync } from '../peers/plain-rsync.js';
import { type Scenario, us } from '../scenario.js';
import { measure, openStage, verify } from '../stage.js';
import { walk } from '../tools.js';

const changed = 'd000/00/changed.txt';
/** Nobody reads the content of an unchanged file, and nine trees of a million empty ones fit into memory. */
const bytes = [0, 0] as const;

export const restart: Scenario = {
  name: 'restart',
  question:
    'A start over a tree of empty files of which one changed meanwhile: how long until every target has it and is compared?',
  size: { files: 200_000, targets: 8, saves: 1, seconds: 1 },
  smokeSize: { files: 2000, targets: 3, saves: 1, seconds: 1 },
  run: async (bench) => {
    const { files, targets } = bench.size;
    const stage = await openStage(bench.scope, { targets, files: { count: files, bytes } });
    await plainRsync(stage);
    const stateDir = join(tempDirectory(bench.scope, 'state'), 'state');
    // What the targets have confirmed is known from the first run.
    await (await imgsyncFast(bench.scope, stage, { stateDir })).stop();
    let version = 0;
    const change = (): string => {
      const content = `changed while nothing ran, ${++version}\n`;
      stage.source.write(changed, content);
      return content;
    };
    await bench.alternate({
      [us]: async (scope, subject) => {
        const content = change();
        let running: { stop(): Promise<void> } | undefined;
        await measure(bench, subject, 'compared', async () => {
          running = await imgsyncFast(scope, stage, { stateDir });
          await untilContent(stage.daemons, changed, content);
        });
        await running?.stop();
        await verify(bench, subject, stage);
      },
      'rsync -a, all targets at once': async (scope, subject) => {
        change();
        await measure(bench, subject, 'compared', () => plainRsync(stage));
        await verify(bench, subject, stage);
        // What a peer sent is not among what the targets have confirmed.
        await (await imgsyncFast(scope, stage, { stateDir })).stop();
      },
      'C++ walk that stats': async (_scope, subject) =>
        bench.record(subject, 'compared', 's', (await walk(stage.source.path, 'stat')).ms / 1000),
    });
  },
};
