/**
 * Every metric that alerts and dashboards may use -> its type. A histogram also has `_bucket`, `_sum` and `_count`. What
 * `/metrics` tells has to hold all of them.
 */
export const metricTypes: Readonly<Record<string, 'counter' | 'gauge' | 'histogram'>> = {
  imgsync_build_info: 'gauge',
  imgsync_events_total: 'counter',
  imgsync_event_queue_overflows_total: 'counter',
  imgsync_watches: 'gauge',
  imgsync_watch_limit: 'gauge',
  imgsync_pending_paths: 'gauge',
  imgsync_oldest_pending_timestamp_seconds: 'gauge',
  imgsync_replication_lag_seconds: 'gauge',
  imgsync_delivery_seconds: 'histogram',
  imgsync_batches_total: 'counter',
  imgsync_batch_files: 'histogram',
  imgsync_sent_bytes_total: 'counter',
  imgsync_delivered_paths_total: 'counter',
  imgsync_errors_total: 'counter',
  imgsync_retries_total: 'counter',
  imgsync_target_up: 'gauge',
  imgsync_last_success_timestamp_seconds: 'gauge',
  imgsync_stuck_paths: 'gauge',
  imgsync_held_deletes: 'gauge',
  imgsync_verify_progress_ratio: 'gauge',
  imgsync_drift_paths_total: 'counter',
  imgsync_journal_bytes: 'gauge',
  imgsync_config_last_reload_successful: 'gauge',
};

/** Names of metrics of imgsync-fast in an expression; those of a histogram's parts without their ending. */
export const metricsIn = (expression: string): string[] =>
  [...expression.matchAll(/\bimgsync_[a-z_]+/g)].map(([name]) => {
    const whole = name.replace(/_(?:bucket|sum|count)$/, '');
    return metricTypes[whole] === 'histogram' ? whole : name;
  });
