import { setTimeout as pause } from 'node:timers/promises';
import type { Scope } from '../../test/support/scope.js';
import { tempDirectory } from '../../test/support/temp-tree.js';
import { daemonProcess } from '../peers/daemon.js';
import type { EventLoopDelay } from '../peers/event-loop-delay.js';
import { inotifywait, nodeWatcher, type Watch, type WatchReport } from '../peers/watcher.js';
import { type Bench, type Scenario, us } from '../scenario.js';
import { openStage, untilEqual, verify } from '../stage.js';
import { type Files, makeDirectories, writeFiles } from '../tools.js';

const directories = 100;
/** A watcher that tells nothing new for this time has told all it will, ms. */
const quietMs = 5_000;

export const eventFlood: Scenario = {
  name: 'event-flood',
  question:
    'Files created as fast as the kernel can: how many does a watcher miss, and is its main thread free?',
  size: { files: 500_000, targets: 1, saves: 1, seconds: 1 },
  smokeSize: { files: 5000, targets: 1, saves: 1, seconds: 1 },
  run: async (bench) => {
    const perDirectory = Math.ceil(bench.size.files / directories);
    const files: Files = { count: bench.size.files, perDirectory, bytes: [0, 0] };
    const watcher = (start: Watch) => async (scope: Scope, subject: string) => {
      const root = tempDirectory(scope);
      await makeDirectories(root, files);
      const running = await start(scope, root);
      bench.record(subject, 'creating', 's', (await writeFiles(root, files)) / 1000);
      const report = await untilQuiet(() => running.report(), files.count);
      bench.record(subject, 'missed', 'files', files.count - report.seen);
      bench.lost(subject, files.count - report.seen, 'changes that were not told');
      recordDelay(bench, subject, report.delay);
    };
    await bench.alternate({
      [us]: watcher(nodeWatcher('imgsync')),
      [`${us}, whole daemon`]: async (scope, subject) => {
        const stage = await openStage(scope, { targets: bench.size.targets });
        await makeDirectories(stage.source.path, files);
        const running = await daemonProcess(scope, stage);
        bench.record(subject, 'creating', 's', (await writeFiles(stage.source.path, files)) / 1000);
        await untilEqual(stage);
        recordDelay(bench, subject, await running.delay());
        await verify(bench, subject, stage);
      },
      ...(bench.has('inotifywait') ? { inotifywait: watcher(inotifywait) } : {}),
      ...(bench.has('parcel') ? { '@parcel/watcher': watcher(nodeWatcher('parcel')) } : {}),
      ...(bench.has('chokidar') ? { chokidar: watcher(nodeWatcher('chokidar')) } : {}),
    });
  },
};

const recordDelay = (bench: Bench, subject: string, delay: EventLoopDelay | undefined): void => {
  if (delay === undefined) return;
  bench.record(subject, 'event-loop delay p50', 'ms', delay.p50);
  bench.record(subject, 'event-loop delay p99', 'ms', delay.p99);
  bench.record(subject, 'event-loop delay max', 'ms', delay.max);
};

const untilQuiet = async (look: () => Promise<WatchReport>, wanted: number): Promise<WatchReport> => {
  let report = await look();
  let quietSince = performance.now();
  while (report.seen < wanted && performance.now() - quietSince < quietMs) {
    await pause(100);
    const next = await look();
    if (next.seen !== report.seen) quietSince = performance.now();
    report = next;
  }
  return report;
};
