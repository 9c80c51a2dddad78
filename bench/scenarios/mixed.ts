import { mkdir, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Random } from '../../test/support/random.js';
import type { Scope } from '../../test/support/scope.js';
import type { Tree } from '../../test/support/temp-tree.js';
import { imgsyncFast } from '../peers/imgsync.js';
import { lsyncd } from '../peers/lsyncd.js';
import { plainRsync } from '../peers/plain-rsync.js';
import type { Replicator } from '../peers/replicator.js';
import { type Scenario, us } from '../scenario.js';
import { openStage, secondsUntil, untilEqual, verify } from '../stage.js';

const writers = 8;
const [smallestImage, largestImage] = [5_000, 500_000];
const [overwriteShare, deleteShare] = [0.05, 0.01];
const perDirectory = 100;
const noise = Buffer.alloc(largestImage + (1 << 16), 'pictures do not compress, but rsync is not asked to');

export const mixed: Scenario = {
  name: 'mixed',
  question:
    'Eight writers store images and thumbnails, overwrite some and delete a few: when has every target all?',
  size: { files: 2000, targets: 8, saves: 1, seconds: 1 },
  smokeSize: { files: 200, targets: 3, saves: 1, seconds: 1 },
  run: async (bench) => {
    const { files, targets } = bench.size;
    const replicator = (start: Replicator) => async (scope: Scope, subject: string) => {
      const stage = await openStage(scope, { targets, files: { count: 1 } });
      const running = await start(scope, stage);
      const seconds = await secondsUntil(async () => {
        bench.record(subject, 'written', 's', await secondsUntil(() => load(stage.source, files)));
        return untilEqual(stage);
      });
      bench.record(subject, 'on all targets', 's', seconds);
      await verify(bench, subject, stage);
      await running.stop();
    };
    await bench.alternate({
      [us]: replicator(imgsyncFast),
      'rsync -a of the finished tree, all targets at once': async (scope, subject) => {
        const stage = await openStage(scope, { targets, files: { count: 1 } });
        await load(stage.source, files);
        bench.record(subject, 'on all targets', 's', await secondsUntil(() => plainRsync(stage)));
        await verify(bench, subject, stage);
      },
      ...(bench.has('lsyncd') ? { lsyncd: replicator(lsyncd) } : {}),
    });
  },
};

const load = async (source: Tree, images: number): Promise<void> => {
  const each = Math.ceil(images / writers);
  await Promise.all(
    Array.from({ length: writers }, (_, writer) => write(join(source.path, `writer${writer}`), each, writer)),
  );
};

/** One writer after another picture; the same seed writes the same. */
const write = async (root: string, images: number, seed: number): Promise<void> => {
  const random = new Random(seed);
  const stored: string[] = [];
  for (let i = 0; i < images; i++) {
    const folder = join(root, String(Math.floor(i / perDirectory)));
    if (i % perDirectory === 0) await mkdir(join(folder, 'thumbs'), { recursive: true });
    const choice = random.next();
    const older = stored[random.below(stored.length)];
    if (choice < deleteShare && older !== undefined) {
      await unlink(older);
      stored.splice(stored.indexOf(older), 1);
    } else if (choice < deleteShare + overwriteShare && older !== undefined) {
      await writeFile(older, image(random));
    } else {
      const path = join(folder, `${i}.jpg`);
      await writeFile(path, image(random));
      await writeFile(join(folder, 'thumbs', `${i}.jpg`), noise.subarray(0, 2_000 + random.below(6_000)));
      stored.push(path);
    }
  }
};

/** Small ones are as frequent as big ones, on a logarithmic scale. */
const image = (random: Random): Buffer => {
  const bytes = smallestImage * (largestImage / smallestImage) ** random.next();
  const from = random.below(1 << 16);
  return noise.subarray(from, from + bytes);
};
