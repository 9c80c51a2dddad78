import type { Daemon } from '../daemon/status.js';
import { buildFacts } from './build-facts.js';
import { cached } from './cached.js';
import { EventStream } from './event-stream.js';
import { linesOf, readinessOf, wordFor } from './health.js';
import { sendText } from './listener.js';
import { metricsText, metricsType } from './metrics.js';
import { pageViews } from './page-files.js';
import type { Views } from './routes.js';
import { statusDocument } from './status-document.js';

export interface ViewsOptions {
  /** Targets that have to be up for it to be ready. */
  readonly readyTargets: number;
  /** Whether the configuration was taken when it was last read. */
  isConfigCurrent(): boolean;
}

/** However often they are asked for, status and metrics are made anew only so often, ms. */
const freshMs = 200;
const plain = 'text/plain; charset=utf-8';

/** What is served beside the actions. */
export const createViews = (
  daemon: Pick<Daemon, 'status' | 'metrics' | 'subscribe'>,
  { readyTargets, isConfigCurrent }: ViewsOptions,
): { readonly views: Views; close(): void } => {
  const statusText = cached(freshMs, () => `${JSON.stringify(statusDocument(daemon))}\n`);
  const metrics = cached(
    freshMs,
    metricsText({ build: buildFacts(), metrics: () => daemon.metrics(), isConfigCurrent }),
  );
  const stream = new EventStream(daemon, { statusText });
  return {
    views: {
      ...pageViews(),
      '/livez': (_request, response) => sendText(response, 200, plain, 'ok\n'),
      '/readyz': (_request, response, query) => {
        const checks = readinessOf(daemon.status(), readyTargets);
        const isWell = checks.every((check) => check.isWell);
        const text = query.has('verbose') ? linesOf(checks) : `${wordFor(checks)}\n`;
        sendText(response, isWell ? 200 : 503, plain, text);
      },
      '/status': (_request, response) => sendText(response, 200, 'application/json', statusText()),
      '/metrics': async (_request, response) => sendText(response, 200, metricsType, await metrics()),
      '/events': (request, response) => stream.open(request, response),
    },
    close: () => stream.close(),
  };
};
