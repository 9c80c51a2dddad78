import { type Metric, Registry } from 'prom-client';
import type { DaemonMetrics } from '../daemon/metrics.js';
import { type BuildFacts, type Facts, metricTable } from './metric-table.js';

/** What the text of the metrics is made from. */
export interface MetricsSource {
  readonly build: BuildFacts;
  metrics(): DaemonMetrics;
  /** Whether the configuration was taken when it was last read. */
  isConfigCurrent(): boolean;
}

export const metricsType = Registry.PROMETHEUS_CONTENT_TYPE;

/** @returns what makes the text that Prometheus reads */
export const metricsText = (source: MetricsSource): (() => Promise<string>) => {
  const registry = new Registry();
  let facts = factsOf(source);
  for (const { name, help, type, values } of metricTable) {
    const metric = { name, help, type, get: () => ({ name, help, type, values: values(facts) }) };
    // What the registry asks of a metric is only this. Its own kinds count by themselves, one call for each path, and
    // could not be set to what the daemon has counted.
    registry.registerMetric(metric as unknown as Metric);
  }
  return () => {
    facts = factsOf(source);
    return registry.metrics();
  };
};

const factsOf = (source: MetricsSource): Facts => ({
  ...source.metrics(),
  build: source.build,
  isConfigCurrent: source.isConfigCurrent(),
});
