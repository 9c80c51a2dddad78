import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { processesOf } from '../../test/support/process-group.js';
import type { Scope } from '../../test/support/scope.js';
import { imgsyncFast } from '../peers/imgsync.js';
import { lsyncd } from '../peers/lsyncd.js';
import { plainRsync } from '../peers/plain-rsync.js';
import type { Replicator } from '../peers/replicator.js';
import { type Scenario, us } from '../scenario.js';
import { openStage } from '../stage.js';

/** Until what comes after a start is over, the last collection of its garbage too, 80 s later; at most, s. */
const settleSeconds = 100;
/** Clock ticks of proc(5); the same on every Linux that node runs on. */
const ticksPerSecond = 100;

export const idle: Scenario = {
  name: 'idle',
  question: 'Nothing changes: how much processor and memory does it take?',
  size: { files: 200_000, targets: 8, saves: 1, seconds: 20 },
  smokeSize: { files: 2000, targets: 3, saves: 1, seconds: 2 },
  run: async (bench) => {
    const { files, targets, seconds } = bench.size;
    const stage = await openStage(bench.scope, { targets, files: { count: files } });
    await plainRsync(stage);
    const measure = (start: Replicator) => async (scope: Scope, subject: string) => {
      const running = await start(scope, stage);
      // A look of two seconds, for the correctness of this alone, is not worth such a pause.
      await pause(Math.min(settleSeconds, 5 * seconds) * 1000);
      const before = usedTicks(running.group);
      await pause(seconds * 1000);
      const used = (usedTicks(running.group) - before) / ticksPerSecond;
      bench.record(subject, 'processor', '%', (100 * used) / seconds);
      bench.record(subject, 'memory', 'MB', residentBytes(running.group) / 1024 ** 2);
      await running.stop();
    };
    await bench.alternate({
      [us]: measure(asByDefault),
      ...(bench.has('lsyncd') ? { lsyncd: measure(lsyncd) } : {}),
    });
  },
};

/** The other scenarios want it to tell of each batch. */
const asByDefault: Replicator = (scope, stage) =>
  imgsyncFast(scope, stage, { log: { level: 'info', pretty: false } });

/** Of all processes of the group, and of those children of theirs that have ended. */
const usedTicks = (group: number): number => {
  let ticks = 0;
  for (const pid of processesOf(group)) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Behind the name: state is the 3rd field of proc(5), utime stime cutime cstime the 14th to 17th.
    const fields = stat.slice(stat.lastIndexOf(') ') + 2).split(' ');
    for (const field of fields.slice(11, 15)) ticks += Number(field);
  }
  return ticks;
};

const residentBytes = (group: number): number => {
  let bytes = 0;
  for (const pid of processesOf(group)) {
    const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
    bytes += Number(kibibytes ?? 0) * 1024;
  }
  return bytes;
};
