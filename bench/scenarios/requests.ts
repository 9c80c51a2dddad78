import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../test/support/free-port.js';
import { measureSaves, percentile } from '../../test/support/latency.js';
import { Random } from '../../test/support/random.js';
import { atEnd, type Scope } from '../../test/support/scope.js';
import type { Tree } from '../../test/support/temp-tree.js';
import { imgsyncFast } from '../peers/imgsync.js';
import { startAsking } from '../peers/requests.js';
import { type Scenario, us } from '../scenario.js';
import { openStage, verify } from '../stage.js';

/** Phases of a run: with requests and without, in turns. */
const phases = 10;
/** With 200 saves, 10,000 requests in a run. */
const requestsForEachSave = 50;
const requestsPerSecond = 100;
/** Saves that do not count, for nothing is warm yet. */
const warmUp = 5;
/** Between two saves, ms. */
const pauseMs = 150;
/** Between two changes of the load beside the saves, ms. */
const loadMs = 40;

const asked = `${us}, status and metrics are asked for`;

export const requests: Scenario = {
  name: 'requests',
  question:
    'Status and metrics are asked for 10,000 times while files are saved: how much longer does a save take?',
  size: { files: 1000, targets: 3, saves: 200, seconds: 1 },
  smokeSize: { files: 100, targets: 2, saves: 4, seconds: 1 },
  run: (bench) =>
    bench.alternate({
      [us]: async (scope: Scope) => {
        const { files, targets, saves } = bench.size;
        const stage = await openStage(scope, { targets, files: { count: files } });
        const port = await freePort();
        const running = await imgsyncFast(scope, stage, { http: { listen: `127.0.0.1:${port}` } });
        const asking = startAsking(scope, port);
        const stopLoad = keepBusy(scope, stage.source);
        const save = (count: number) =>
          measureSaves(stage.source, stage.daemons, count, () => () => pause(pauseMs));
        await save(warmUp);

        const each = Math.ceil((requestsForEachSave * saves) / (phases / 2));
        const without: number[] = [];
        const during: number[] = [];
        let answered = 0;
        const phase = {
          without: async () => {
            without.push(...(await save(Math.ceil(saves / (phases / 2)))));
          },
          during: async () => {
            let isAsking = true;
            const answers = asking.ask(each, requestsPerSecond).finally(() => {
              isAsking = false;
            });
            while (isAsking) {
              const [latency] = await save(1);
              if (latency !== undefined && isAsking) during.push(latency);
            }
            const { ok, others } = await answers;
            answered += ok;
            bench.lost(us, each - ok, `requests that were not answered with 200: ${JSON.stringify(others)}`);
          },
        };
        for (let i = 0; i < phases; i += 2)
          // Another one is first each time.
          for (const name of i % 4 === 0
            ? (['without', 'during'] as const)
            : (['during', 'without'] as const))
            await phase[name]();
        stopLoad();
        for (const [subject, latencies] of [
          [us, without],
          [asked, during],
        ] as const) {
          for (const share of [50, 90])
            bench.record(subject, `p${share}`, 'ms', percentile(latencies, share));
          bench.spread(subject, 'save to all targets', 'ms', latencies);
        }
        bench.record(
          asked,
          'above without',
          '%',
          100 * (percentile(during, 50) / percentile(without, 50) - 1),
        );
        bench.note(`${answered} requests answered with 200 in a run, ${requestsPerSecond} a second`);
        await verify(bench, us, stage, files * targets);
        await running.stop();
      },
    }),
};

/** Small files are written beside the saves. @returns ends it */
const keepBusy = (scope: Scope, source: Tree): (() => void) => {
  const random = new Random(1);
  const timer = setInterval(
    () => source.write(`load/${random.below(10)}/f${random.below(500)}`, random.bytes(5_000)),
    loadMs,
  );
  const stop = () => clearInterval(timer);
  atEnd(scope, stop);
  return stop;
};
