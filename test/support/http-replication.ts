import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Replication, type ReplicationOptions, startReplication } from './replication.js';
import type { Scope } from './scope.js';
import { tempDirectory } from './temp-tree.js';

/** What changes anything over TCP has to bring along. */
export const token = 'a-token-that-nobody-guesses';

/** A replication that listens on a free port of the loopback, with a token. */
export const startWithHttp = async (
  scope: Scope,
  options: ReplicationOptions = {},
): Promise<{ readonly replication: Replication; readonly port: number }> => {
  const tokenFile = join(tempDirectory(scope, 'http'), 'token');
  writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });
  const replication = await startReplication(scope, {
    ...options,
    config: {
      http: { listen: '127.0.0.1:0', tokenFile },
      retry: { minMs: 100, maxMs: 500 },
      ...options.config,
    },
  });
  const { port } = await replication.imgsync.waitForLog(
    ({ msg }) => msg === 'listening for http',
    'its port',
  );
  return { replication, port: Number(port) };
};
