import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { PeerName } from '../scenario.js';

const programVersion = (program: string, args: readonly string[], pattern: RegExp): string | undefined => {
  const { stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  return error === undefined ? pattern.exec(`${stdout}${stderr}`)?.[1] : undefined;
};

const packageVersion = (name: string): string | undefined => {
  try {
    // Not every package exports it.
    const file = fileURLToPath(new URL(`../../../node_modules/${name}/package.json`, import.meta.url));
    return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  } catch {
    return undefined;
  }
};

const versionOf: Readonly<Record<PeerName, () => string | undefined>> = {
  lsyncd: () => programVersion('lsyncd', ['--version'], /Version: (\S+)/),
  inotifywait: () => programVersion('inotifywait', ['--help'], /inotifywait (\S+)/),
  parcel: () => packageVersion('@parcel/watcher'),
  chokidar: () => packageVersion('chokidar'),
};

/** Version of the peer, `undefined` when it is not there. */
export const peerVersion = (peer: PeerName): string | undefined => versionOf[peer]();

/** Those that are there, and a line for each that is not. */
export const peersAtHand = (
  wanted: readonly PeerName[],
): { readonly peers: readonly PeerName[]; readonly notes: readonly string[] } => {
  const missing = wanted.filter((peer) => peerVersion(peer) === undefined);
  return {
    peers: wanted.filter((peer) => !missing.includes(peer)),
    notes: missing.map((peer) => `${peer} is not installed: left out`),
  };
};
