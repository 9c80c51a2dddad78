import { basename } from 'node:path';
import type { DistributionSnapshot } from '../daemon/distribution.js';
import type { DaemonMetrics, TargetMetrics } from '../daemon/metrics.js';
import type { TargetStatus } from '../daemon/status.js';

/** What is fixed while the process runs. */
export interface BuildFacts {
  readonly version: string;
  readonly node: string;
  readonly kernel: string;
}

/** What the values are taken from. */
export interface Facts extends DaemonMetrics {
  readonly build: BuildFacts;
  readonly isConfigCurrent: boolean;
}

export interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Where it is not that of the metric. */
  readonly metricName?: string;
}

export interface MetricDefinition {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  values(facts: Facts): Sample[];
}

/** The tree by a name: a path would be a label that tells too much, and one process has one tree. */
const treeOf = ({ status }: Facts): string => basename(status.source) || 'root';

const single = (value: number, labels: Sample['labels'] = {}): Sample[] => [{ value, labels }];

const ofTree =
  (value: (facts: Facts) => number) =>
  (facts: Facts): Sample[] =>
    single(value(facts), { tree: treeOf(facts) });

const ofTargets =
  (value: (target: TargetStatus) => number) =>
  ({ status }: Facts): Sample[] =>
    status.targets.map((target) => ({ value: value(target), labels: { target: target.name } }));

const counted =
  (value: (target: TargetMetrics) => number) =>
  ({ targets }: Facts): Sample[] =>
    targets.map((target) => ({ value: value(target), labels: { target: target.name } }));

/** One sample for each key of the counts. */
const countedBy =
  (label: string, counts: (target: TargetMetrics) => Readonly<Record<string, number>>) =>
  ({ targets }: Facts): Sample[] =>
    targets.flatMap((target) =>
      Object.entries(counts(target)).map(([key, value]) => ({
        value,
        labels: { target: target.name, [label]: key },
      })),
    );

const distribution = (
  name: string,
  { bounds, counts, sum }: DistributionSnapshot,
  labels: Sample['labels'],
): Sample[] => {
  let below = 0;
  const buckets = counts.map((count, index) => {
    below += count;
    return {
      metricName: `${name}_bucket`,
      value: below,
      labels: { ...labels, le: String(bounds[index] ?? '+Inf') },
    };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, value: sum, labels },
    { metricName: `${name}_count`, value: below, labels },
  ];
};

const histogram = (
  name: string,
  help: string,
  of: (target: TargetMetrics) => DistributionSnapshot,
): MetricDefinition => ({
  name,
  help,
  type: 'histogram',
  values: ({ targets }) =>
    targets.flatMap((target) => distribution(name, of(target), { target: target.name })),
});

const gauge = (name: string, help: string, values: MetricDefinition['values']): MetricDefinition => ({
  name,
  help,
  type: 'gauge',
  values,
});
const counter = (name: string, help: string, values: MetricDefinition['values']): MetricDefinition => ({
  name,
  help,
  type: 'counter',
  values,
});

const secondsOf = (time: string | undefined): number => (time === undefined ? 0 : Date.parse(time) / 1000);

/** Every metric. The names are part of the interface; docs/monitoring.md lists them. */
export const metricTable: readonly MetricDefinition[] = [
  gauge('imgsync_build_info', 'Always 1; what runs is in the labels.', ({ build }) =>
    single(1, { ...build }),
  ),
  gauge('imgsync_start_timestamp_seconds', 'When it was started.', ({ status }) =>
    single(secondsOf(status.startedAt)),
  ),
  gauge(
    'imgsync_live',
    'Whether every directory is watched.',
    ofTree(({ status }) => Number(status.live)),
  ),
  counter('imgsync_events_total', 'Changes that were noticed in the source.', (facts) =>
    Object.entries(facts.changes).map(([type, value]) => ({ value, labels: { tree: treeOf(facts), type } })),
  ),
  counter(
    'imgsync_event_queue_overflows_total',
    "How often the kernel's queue of events ran over; everything is compared then.",
    ofTree(({ overflows }) => overflows),
  ),
  gauge(
    'imgsync_watches',
    'Directories that are watched.',
    ofTree(({ status }) => status.directories),
  ),
  gauge('imgsync_watch_limit', 'Watches that the kernel allows this user.', ({ watchLimit }) =>
    single(watchLimit),
  ),
  gauge(
    'imgsync_pending_paths',
    'Changes that the target has not acknowledged.',
    ofTargets(({ pending }) => pending),
  ),
  gauge(
    'imgsync_oldest_pending_timestamp_seconds',
    'When the oldest change was noticed that the target has not acknowledged; 0 when nothing waits.',
    ofTargets(({ oldestPendingAt }) => secondsOf(oldestPendingAt)),
  ),
  gauge(
    'imgsync_replication_lag_seconds',
    'Age of the oldest change that the target has not acknowledged; 0 when nothing waits.',
    ofTargets(({ lagSeconds }) => lagSeconds),
  ),
  histogram(
    'imgsync_delivery_seconds',
    'From when a change was noticed until the target has it, for each path.',
    ({ deliverySeconds }) => deliverySeconds,
  ),
  counter(
    'imgsync_batches_total',
    'Batches, by how they ended.',
    countedBy('result', ({ batches }) => batches),
  ),
  histogram(
    'imgsync_batch_files',
    'Paths in the batches that the target took.',
    ({ batchPaths }) => batchPaths,
  ),
  counter(
    'imgsync_sent_bytes_total',
    'Bytes written to the wire.',
    counted(({ sentBytes }) => sentBytes),
  ),
  counter(
    'imgsync_delivered_paths_total',
    'Files whose content was sent, and entries that were deleted.',
    countedBy('op', ({ sentFiles, deleted }) => ({ send: sentFiles, delete: deleted })),
  ),
  counter(
    'imgsync_errors_total',
    'Failures of the target and of single paths, by their code.',
    countedBy('class', ({ errors }) => errors),
  ),
  counter(
    'imgsync_retries_total',
    'Tries after a failure.',
    counted(({ retries }) => retries),
  ),
  gauge(
    'imgsync_target_up',
    'Whether the target took what it was last sent, as far as known.',
    ofTargets(({ up }) => Number(up)),
  ),
  gauge(
    'imgsync_last_success_timestamp_seconds',
    'When the target last took a batch; 0 before the first.',
    ofTargets(({ lastSuccessAt }) => secondsOf(lastSuccessAt)),
  ),
  gauge(
    'imgsync_stuck_paths',
    'Paths that the target can not take.',
    ofTargets(({ stuck }) => stuck),
  ),
  gauge(
    'imgsync_held_deletes',
    'Paths whose deletes wait for an operator.',
    ofTargets(({ held }) => held),
  ),
  gauge(
    'imgsync_verify_progress_ratio',
    'Share of its entries that the running verification of the target has compared; 1 when none runs.',
    counted(({ verified }) => verified),
  ),
  counter(
    'imgsync_drift_paths_total',
    'Paths that verifications found to differ at the target although it had acknowledged them.',
    counted(({ drifted }) => drifted),
  ),
  gauge(
    'imgsync_journal_bytes',
    'Memory of the changes that some target has not taken yet, roughly.',
    ({ changeLogBytes }) => single(changeLogBytes),
  ),
  gauge(
    'imgsync_config_last_reload_successful',
    'Whether the configuration was valid when it was last read.',
    ({ isConfigCurrent }) => single(Number(isConfigCurrent)),
  ),
];
