import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { compareTrees } from '../support/compare-trees.js';
import { type Imgsync, startImgsync } from '../support/imgsync.js';
import { measureSaves, percentile } from '../support/latency.js';
import { type RsyncDaemon, rsyncDaemons } from '../support/rsync-daemon.js';
import { ProgramScope, type Scope } from '../support/scope.js';
import { type Tree, tempTree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';
import { Display } from './display.js';
import { copyPackages, countFiles, deleteSome, editSome, renameDirectories } from './work.js';

const targetCount = 8;
const saves = 20;
/** The command as `npm run build` leaves it, that is as users run it. */
const command = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const packages = fileURLToPath(new URL('../../../node_modules', import.meta.url));

/** Runs the demo. @returns whether all targets equal the source in the end */
export const demo = async (): Promise<boolean> => {
  const scope = new ProgramScope();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void scope.close().finally(() => process.exit(1)));
  }
  try {
    return await show(scope);
  } catch (error) {
    process.stdout.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    return false;
  } finally {
    await scope.close();
  }
};

interface Stage {
  readonly source: Tree;
  readonly daemons: readonly RsyncDaemon[];
  readonly imgsync: Imgsync;
  readonly display: Display;
}

const show = async (scope: Scope): Promise<boolean> => {
  const display = new Display(process.stdout);
  const source = tempTree(scope);
  const daemons = await rsyncDaemons(scope, targetCount);
  display.say(
    `${targetCount} rsync daemons on 127.0.0.1, ports ${daemons.map(({ port }) => port).join(', ')}`,
  );
  const targets = daemons.map(({ url }, index) => ({ name: `img${64 + index}`, url }));
  const imgsync = startImgsync(
    scope,
    { source: source.path, targets },
    { command, args: ['--log-level', 'debug'] },
  );
  imgsync.onLog((line) => display.take(line));
  await imgsync.ready();
  display.say(`imgsync-fast watches ${source.path}`);

  const stage = { source, daemons, imgsync, display };
  await perform(stage, 'copy node_modules', () => copyPackages(packages, source));
  await perform(stage, 'edit files', () => editSome(source));
  await perform(stage, 'rename directories', () => renameDirectories(source));
  await perform(stage, 'delete directories', () => deleteSome(source));
  await showLatency(stage);
  return finish(stage);
};

/** Does something at the source and waits for it to be everywhere. */
const perform = async (stage: Stage, what: string, work: () => Promise<string>): Promise<void> => {
  const { daemons, imgsync, display } = stage;
  display.say(`${what} …`);
  const startedAt = Date.now();
  const did = await work();
  const workMs = Date.now() - startedAt;
  // Names, sizes and times only: the bytes are compared in the end, and comparing takes the processor from rsync.
  await imgsync.settled(paths(daemons), { contents: false, looks: 1 });
  // Comparing took its time as well, so what the log says counts.
  const delivered = imgsync.logs.findLast(({ msg }) => msg === 'delivered');
  const allMs = Math.max(workMs, Date.parse(delivered?.ts ?? '') - startedAt);
  display.say(`${what}: ${did} in ${seconds(workMs)}; on all ${targetCount} targets after ${seconds(allMs)}`);
};

const showLatency = async ({ source, daemons, imgsync, display }: Stage): Promise<void> => {
  display.say(`save a file ${saves} times …`);
  const latencies = await measureSaves(source, daemons, saves, () => {
    const seen = imgsync.logs.length;
    return () => untilAcknowledged(imgsync, seen);
  });
  const [p50, p99] = [50, 99].map((share) => percentile(latencies, share).toFixed(1));
  display.say(`saved -> on all ${targetCount} targets: p50 ${p50} ms, p99 ${p99} ms (${saves} single saves)`);
};

/** The content is there a little before rsync ends: a save in between would wait for that. */
const untilAcknowledged = (imgsync: Imgsync, seen: number): Promise<void> =>
  waitFor(
    () => {
      imgsync.assertRunning();
      const lines = imgsync.logs.slice(seen).filter(({ msg }) => msg === 'delivered');
      return new Set(lines.map(({ target }) => target)).size === targetCount;
    },
    { what: 'acknowledgement of a save by every target' },
  );

const finish = async ({ source, daemons, imgsync, display }: Stage): Promise<boolean> => {
  const [processor] = cpus();
  const peak = (imgsync.peakRssBytes / 1024 ** 2).toFixed(0);
  display.say(
    `${cpus().length} cores (${processor?.model.trim() ?? 'unknown'}), peak RSS of imgsync-fast ${peak} MiB`,
  );
  display.say(`compare ${countFiles(source)} files with each target, byte by byte …`);
  let isEqual = true;
  for (const [index, path] of paths(daemons).entries()) {
    const differences = await compareTrees(source.path, path);
    isEqual &&= differences.length === 0;
    for (const difference of differences) display.say(`img${64 + index}: ${difference}`);
  }
  const { code } = await imgsync.stop();
  display.close();
  display.say(isEqual ? `equal: all ${targetCount} targets are the source` : 'NOT EQUAL');
  if (code !== 0) display.say(`imgsync-fast ended with ${code}`);
  return isEqual && code === 0;
};

const paths = (daemons: readonly RsyncDaemon[]): string[] => daemons.map(({ path }) => path);
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
