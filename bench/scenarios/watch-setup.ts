import type { Scope } from '../../test/support/scope.js';
import { tempDirectory } from '../../test/support/temp-tree.js';
import { inotifywait, nodeWatcher, type Watch } from '../peers/watcher.js';
import { type Scenario, us } from '../scenario.js';
import { walk, writeFiles } from '../tools.js';

/** From here on chokidar takes minutes and gigabytes. */
const chokidarLimit = 200_000;
const megabyte = 1024 ** 2;

export const watchSetup: Scenario = {
  name: 'watch-setup',
  question: 'How long until every directory of a tree is watched, and how much memory does it take?',
  size: { files: 1_000_000, targets: 1, saves: 1, seconds: 1 },
  smokeSize: { files: 2000, targets: 1, saves: 1, seconds: 1 },
  run: async (bench) => {
    const root = tempDirectory(bench.scope);
    await writeFiles(root, { count: bench.size.files, bytes: [0, 0] });
    // Every subject finds the same warm caches.
    await walk(root, 'stat');
    const floor =
      (...options: readonly ('watch' | 'stat')[]) =>
      async (_scope: Scope, subject: string) =>
        bench.record(subject, 'live', 'ms', (await walk(root, ...options)).ms);
    const watcher = (start: Watch) => async (scope: Scope, subject: string) => {
      const running = await start(scope, root);
      if (subject !== 'empty Node.js process') bench.record(subject, 'live', 'ms', running.liveMs);
      bench.record(subject, 'peak memory', 'MB', running.peakBytes() / megabyte);
    };
    const withChokidar = bench.has('chokidar') && bench.size.files <= chokidarLimit;
    if (bench.has('chokidar') && !withChokidar)
      bench.note(`chokidar: left out above ${chokidarLimit} files, where it takes minutes and gigabytes`);
    await bench.alternate({
      'empty Node.js process': watcher(nodeWatcher('nothing')),
      [us]: watcher(nodeWatcher('imgsync')),
      [`${us}, digests`]: watcher(nodeWatcher('imgsync-digests')),
      'C++ walk that watches': floor('watch'),
      'C++ walk that watches and stats': floor('watch', 'stat'),
      ...(bench.has('inotifywait') ? { inotifywait: watcher(inotifywait) } : {}),
      ...(bench.has('parcel') ? { '@parcel/watcher': watcher(nodeWatcher('parcel')) } : {}),
      ...(withChokidar ? { chokidar: watcher(nodeWatcher('chokidar')) } : {}),
    });
  },
};
