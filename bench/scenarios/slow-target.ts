import { setTimeout as pause } from 'node:timers/promises';
import { measureSaves } from '../../test/support/latency.js';
import type { Scope } from '../../test/support/scope.js';
import { imgsyncFast } from '../peers/imgsync.js';
import { lsyncd } from '../peers/lsyncd.js';
import type { Replicator } from '../peers/replicator.js';
import { type Scenario, us } from '../scenario.js';
import { openStage, untilEqual, verify } from '../stage.js';
import { recordLatencies } from './latency.js';

const files = { count: 1000 };
/** Pause between two saves, ms: with a target that hangs nothing tells that all is quiet. */
const pauseMs = 200;
/** A save that is not at the others by then waits for the one that hangs, ms. */
const limitMs = 10_000;

export const slowTarget: Scenario = {
  name: 'slow-target',
  question: 'One target hangs: how long does a save take to the others, and does that one catch up?',
  size: { files: files.count, targets: 8, saves: 50, seconds: 1 },
  smokeSize: { files: files.count, targets: 3, saves: 5, seconds: 1 },
  run: async (bench) => {
    const { targets, saves } = bench.size;
    const measure = (start: Replicator, isFrozen: boolean) => async (scope: Scope, subject: string) => {
      const stage = await openStage(scope, { targets, files });
      const running = await start(scope, stage);
      const [first, ...others] = stage.daemons;
      if (isFrozen) first?.freeze();
      try {
        const untilQuiet = () => () => pause(pauseMs);
        const latencies = await measureSaves(stage.source, others, saves, untilQuiet, limitMs);
        recordLatencies(bench, subject, latencies);
      } catch (error) {
        bench.lost(subject, 1, String(error));
        return;
      }
      first?.thaw();
      await untilEqual(stage);
      await verify(bench, subject, stage, files.count * targets);
      await running.stop();
    };
    await bench.alternate({
      [`${us}, all well`]: measure(imgsyncFast, false),
      [`${us}, one hangs`]: measure(imgsyncFast, true),
      ...(bench.has('lsyncd')
        ? { 'lsyncd, all well': measure(lsyncd, false), 'lsyncd, one hangs': measure(lsyncd, true) }
        : {}),
    });
  },
};
