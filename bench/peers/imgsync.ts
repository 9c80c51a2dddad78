import { readFileSync } from 'node:fs';
import { askControl } from '../../src/cli/control-client.js';
import type { SettledReport } from '../../src/daemon/settled.js';
import { type SyncJson, startImgsync } from '../../test/support/imgsync.js';
import type { Scope } from '../../test/support/scope.js';
import { waitFor } from '../../test/support/wait-for.js';
import type { Stage } from '../stage.js';
import type { RunningReplicator } from './replicator.js';

/** imgsync-fast as a process of its own, when its first sync is done. */
export const imgsyncFast = async (
  scope: Scope,
  stage: Stage,
  config: Partial<SyncJson> = {},
): Promise<RunningReplicator> => {
  const targets = stage.daemons.map(({ url }, index) => ({ name: `target${index}`, url }));
  const imgsync = startImgsync(scope, {
    source: stage.source.path,
    targets,
    // The scenarios delete most of a tree on purpose.
    delete: { max: '100%' },
    ...config,
  });
  await waitFor(
    () => {
      imgsync.assertRunning();
      return imgsync.logs.filter(({ msg }) => msg === 'reconcile finished').length >= targets.length;
    },
    { what: 'first sync', limitMs: 3_600_000 },
  );
  return {
    group: imgsync.pid,
    beforeChange: () => {
      const seen = imgsync.logs.length;
      return () =>
        waitFor(
          () => {
            imgsync.assertRunning();
            const delivered = imgsync.logs.slice(seen).filter(({ msg }) => msg === 'delivered');
            return new Set(delivered.map(({ target }) => target)).size === targets.length;
          },
          { what: 'acknowledgement by every target' },
        );
    },
    acknowledged: async () => {
      const { stateDir } = JSON.parse(readFileSync(imgsync.file, 'utf8')) as { readonly stateDir: string };
      const { settled } = (await askControl(stateDir, 'POST /v1/wait', {}, 0)) as SettledReport;
      if (!settled) throw new Error('not every target has confirmed everything');
    },
    stop: async () => {
      await imgsync.stop();
    },
  };
};
