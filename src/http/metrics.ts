import type { Metric, Registry } from 'prom-client';
import type { DaemonMetrics } from '../daemon/metrics.js';
import { type BuildFacts, type Facts, metricTable } from './metric-table.js';

/** What the text of the metrics is made from. */
export interface MetricsSource {
  readonly build: BuildFacts;
  metrics(): DaemonMetrics;
  /** Whether the configuration was taken when it was last read. */
  isConfigCurrent(): boolean;
}

/** Prometheus's own name for the format of its text. */
export const metricsType = 'text/plain; version=0.0.4; charset=utf-8';

/** @returns what makes the text that Prometheus reads */
export const metricsText = (source: MetricsSource): (() => Promise<string>) => {
  let facts: Facts;
  const current = (): Facts => facts;
  let registry: Promise<Registry> | undefined;
  return async () => {
    registry ??= createRegistry(current);
    const loaded = await registry;
    facts = factsOf(source);
    return loaded.metrics();
  };
};

/** Loads what many daemons are never asked for: its modules are a fifth of all that a start would load. */
const createRegistry = async (facts: () => Facts): Promise<Registry> => {
  const { Registry } = await import('prom-client');
  const registry = new Registry();
  for (const { name, help, type, values } of metricTable) {
    const metric = { name, help, type, get: () => ({ name, help, type, values: values(facts()) }) };
    // What the registry asks of a metric is only this. Its own kinds count by themselves, one call for each path, and
    // could not be set to what the daemon has counted.
    registry.registerMetric(metric as unknown as Metric);
  }
  return registry;
};

const factsOf = (source: MetricsSource): Facts => ({
  ...source.metrics(),
  build: source.build,
  isConfigCurrent: source.isConfigCurrent(),
});
