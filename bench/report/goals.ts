import type { ScenarioResult } from '../scenario.js';
import { us } from '../scenario.js';
import { median, rounded } from './statistics.js';

/** What imgsync-fast is meant to reach. */
interface Goal extends Ratio {
  readonly scenario: string;
  readonly what: string;
  /** Whether `by` is taken away instead, as what is there without us. */
  readonly isAbove?: boolean;
  readonly atMost: number;
  readonly unit: string;
  /** What is said beside a goal that was missed: how far something gets that does next to nothing else. */
  readonly floor?: Ratio & { readonly what: string; readonly times?: number };
}

interface Ratio {
  /** Of which subject and metric; the other one is what it is divided by. */
  readonly of: readonly [subject: string, metric: string];
  readonly by?: readonly [subject: string, metric: string];
}

const finishedTree = 'rsync -a of the finished tree, all targets at once';
const emptyNode = 'empty Node.js process';
const waitingRsync = 'rsync that waited for the name, nothing else';
const onlyWaits = 'an rsync that only waits for the name';

const goals: readonly Goal[] = [
  {
    scenario: 'latency',
    what: 'a save, p50 against lsyncd',
    of: [us, 'p50'],
    by: ['lsyncd', 'p50'],
    atMost: 0.2,
    unit: '×',
    floor: { what: onlyWaits, of: [waitingRsync, 'p50'], by: ['lsyncd', 'p50'] },
  },
  {
    scenario: 'latency',
    what: `a save, p50 against ${onlyWaits}`,
    of: [us, 'p50'],
    by: [waitingRsync, 'p50'],
    atMost: 1.3,
    unit: '×',
  },
  {
    scenario: 'latency',
    what: 'a save, p50',
    of: [us, 'p50'],
    atMost: 12,
    unit: 'ms',
    floor: { what: onlyWaits, of: [waitingRsync, 'p50'] },
  },
  {
    scenario: 'latency',
    what: 'a save, p99',
    of: [us, 'p99'],
    atMost: 40,
    unit: 'ms',
    floor: { what: onlyWaits, of: [waitingRsync, 'p99'] },
  },
  {
    scenario: 'requests',
    what: 'a save while status and metrics are asked for, p50 against without',
    of: [`${us}, status and metrics are asked for`, 'p50'],
    by: [us, 'p50'],
    atMost: 1.1,
    unit: '×',
  },
  {
    scenario: 'burst',
    what: 'a burst against plain rsyncs of the finished tree',
    of: [us, 'on all targets'],
    by: [finishedTree, 'on all targets'],
    atMost: 1.3,
    unit: '×',
    floor: {
      what: 'rsyncs that are told the directories of the finished tree',
      of: ['rsync told the directories of the finished tree, in 8 calls', 'on all targets'],
      by: [finishedTree, 'on all targets'],
    },
  },
  {
    scenario: 'delete-storm',
    what: 'deleting a tree against lsyncd',
    of: [us, 'gone at all targets'],
    by: ['lsyncd', 'gone at all targets'],
    atMost: 0.1,
    unit: '×',
  },
  {
    scenario: 'first-sync',
    what: 'first sync against a plain rsync',
    of: [us, 'all there'],
    by: ['rsync -a', 'all there'],
    atMost: 0.65,
    unit: '×',
    floor: {
      what: 'the work of the plain rsync, were it spread evenly over all processors',
      of: ['rsync -a', 'processors busy'],
      times: 0.01,
    },
  },
  {
    scenario: 'restart',
    what: 'restart against plain rsyncs',
    of: [us, 'compared'],
    by: ['rsync -a, all targets at once', 'compared'],
    atMost: 0.1,
    unit: '×',
    floor: {
      what: 'a walk in C++ by one thread, without starting, comparing and sending',
      of: ['C++ walk that stats', 'compared'],
      by: ['rsync -a, all targets at once', 'compared'],
    },
  },
  {
    scenario: 'restart',
    what: 'restart against a walk in C++',
    of: [us, 'compared'],
    by: ['C++ walk that stats', 'compared'],
    atMost: 2,
    unit: '×',
  },
  {
    scenario: 'watch-setup',
    what: 'watching against a walk in C++ that watches',
    of: [us, 'live'],
    by: ['C++ walk that watches', 'live'],
    atMost: 1.2,
    unit: '×',
  },
  {
    scenario: 'watch-setup',
    what: 'watching with digests against a walk that also stats',
    of: [`${us}, digests`, 'live'],
    by: ['C++ walk that watches and stats', 'live'],
    atMost: 1.2,
    unit: '×',
  },
  {
    scenario: 'watch-setup',
    what: 'watching against @parcel/watcher',
    of: [us, 'live'],
    by: ['@parcel/watcher', 'live'],
    atMost: 0.25,
    unit: '×',
  },
  {
    scenario: 'watch-setup',
    what: 'memory above an empty Node.js process',
    of: [us, 'peak memory'],
    by: [emptyNode, 'peak memory'],
    isAbove: true,
    atMost: 60,
    unit: 'MB',
  },
  { scenario: 'event-flood', what: 'missed changes', of: [us, 'missed'], atMost: 0, unit: 'files' },
  {
    scenario: 'event-flood',
    what: "delay of the daemon's main thread, p99",
    of: [`${us}, whole daemon`, 'event-loop delay p99'],
    atMost: 50,
    unit: 'ms',
  },
  {
    scenario: 'idle',
    what: 'processor while nothing changes',
    of: [us, 'processor'],
    atMost: 0.1,
    unit: '%',
  },
];

const medianOf = (
  result: ScenarioResult,
  [subject, metric]: readonly [string, string],
): number | undefined => {
  const found = result.samples.find((sample) => sample.subject === subject && sample.metric === metric);
  return found && median(found.values);
};

const measured = (
  ratio: Ratio & { readonly isAbove?: boolean },
  result: ScenarioResult,
): number | undefined => {
  const value = medianOf(result, ratio.of);
  if (value === undefined || ratio.by === undefined) return value;
  const other = medianOf(result, ratio.by);
  if (other === undefined) return undefined;
  return ratio.isAbove ? value - other : value / other;
};

const missed = ({ floor, unit }: Goal, result: ScenarioResult): string => {
  const value = floor && measured(floor, result);
  if (floor === undefined || value === undefined) return 'missed';
  return `missed; ${rounded(value * (floor.times ?? 1))} ${unit}: ${floor.what}`;
};

/** What was reached of the goals, in the biggest tree that was measured. */
export const goalTable = (results: readonly ScenarioResult[]): string => {
  const lines = ['| | files | measured | goal | |', '|---|--:|--:|--:|---|'];
  for (const goal of goals) {
    const own = results.filter(({ scenario }) => scenario === goal.scenario);
    const biggest = own.sort((a, b) => b.size.files - a.size.files)[0];
    const value = biggest && measured(goal, biggest);
    if (biggest === undefined || value === undefined) continue;
    const verdict = value <= goal.atMost ? 'reached' : missed(goal, biggest);
    const files = biggest.size.files.toLocaleString('en-US');
    lines.push(
      `| ${goal.what} | ${files} | ${rounded(value)} ${goal.unit} | ≤ ${goal.atMost} ${goal.unit} | ${verdict} |`,
    );
  }
  return lines.join('\n');
};
