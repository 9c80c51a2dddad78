import type { ScenarioResult } from '../scenario.js';
import { us } from '../scenario.js';
import { median, rounded } from './statistics.js';

/** What imgsync-fast is meant to reach. */
interface Goal {
  readonly scenario: string;
  readonly what: string;
  /** Of which subject and metric; the other one is what it is divided by. */
  readonly of: readonly [subject: string, metric: string];
  readonly by?: readonly [subject: string, metric: string];
  /** Whether `by` is taken away instead, as what is there without us. */
  readonly isAbove?: boolean;
  readonly atMost: number;
  readonly unit: string;
}

const finishedTree = 'rsync -a of the finished tree, all targets at once';
const emptyNode = 'empty Node.js process';

const goals: readonly Goal[] = [
  {
    scenario: 'latency',
    what: 'a save, p50 against lsyncd',
    of: [us, 'p50'],
    by: ['lsyncd', 'p50'],
    atMost: 0.2,
    unit: '×',
  },
  {
    scenario: 'latency',
    what: 'a save, p50 against an rsync that only waits for the name',
    of: [us, 'p50'],
    by: ['rsync that waited for the name, nothing else', 'p50'],
    atMost: 1.3,
    unit: '×',
  },
  { scenario: 'latency', what: 'a save, p50', of: [us, 'p50'], atMost: 12, unit: 'ms' },
  { scenario: 'latency', what: 'a save, p99', of: [us, 'p99'], atMost: 40, unit: 'ms' },
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
  },
  {
    scenario: 'restart',
    what: 'restart against plain rsyncs',
    of: [us, 'compared'],
    by: ['rsync -a, all targets at once', 'compared'],
    atMost: 0.1,
    unit: '×',
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

const measured = (goal: Goal, result: ScenarioResult): number | undefined => {
  const value = medianOf(result, goal.of);
  if (value === undefined || goal.by === undefined) return value;
  const other = medianOf(result, goal.by);
  if (other === undefined) return undefined;
  return goal.isAbove ? value - other : value / other;
};

/** What was reached of the goals, in the biggest tree that was measured. */
export const goalTable = (results: readonly ScenarioResult[]): string => {
  const lines = ['| | files | measured | goal | |', '|---|--:|--:|--:|---|'];
  for (const goal of goals) {
    const own = results.filter(({ scenario }) => scenario === goal.scenario);
    const biggest = own.sort((a, b) => b.size.files - a.size.files)[0];
    const value = biggest && measured(goal, biggest);
    if (biggest === undefined || value === undefined) continue;
    const verdict = value <= goal.atMost ? 'reached' : 'missed';
    const files = biggest.size.files.toLocaleString('en-US');
    lines.push(
      `| ${goal.what} | ${files} | ${rounded(value)} ${goal.unit} | ≤ ${goal.atMost} ${goal.unit} | ${verdict} |`,
    );
  }
  return lines.join('\n');
};
