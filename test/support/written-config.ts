import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../src/config/config.js';
import { loadConfig } from '../../src/config/load.js';
import type { Scope } from './scope.js';
import { tempDirectory } from './temp-tree.js';

/**
 * Loads a configuration that was written for another machine, with a source, a key and a password file that are there.
 * @param text sync.json with `source` in it, `/etc/keys/id`, `/etc/rsync.pas` and the CDN's secret
 */
export const loadWritten = async (
  scope: Scope,
  text: string,
  source: string,
): Promise<{ readonly source: string; readonly loaded: Config }> => {
  const folder = tempDirectory(scope, 'written');
  const at = (name: string) => JSON.stringify(join(folder, name));
  mkdirSync(join(folder, 'source'));
  for (const name of ['id', 'rsync.pas', 'cdn-secret'])
    writeFileSync(join(folder, name), 'secret\n', { mode: 0o600 });
  writeFileSync(
    join(folder, 'sync.json'),
    text
      .replace(`"source": ${JSON.stringify(source)}`, `"source": ${at('source')}`)
      .replaceAll('"/etc/keys/id"', at('id'))
      .replaceAll('"/etc/rsync.pas"', at('rsync.pas'))
      .replaceAll('"/etc/imgsync-fast/cdn-secret"', at('cdn-secret')),
  );
  return { source: join(folder, 'source'), loaded: await loadConfig(join(folder, 'sync.json')) };
};
