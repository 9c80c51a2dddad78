import { statSync } from 'node:fs';
import type { Target, TargetLocation } from '../../src/core/target.js';
import type { SourceIdentity } from '../../src/transfer/messages.js';
import type { RsyncDaemon } from './rsync-daemon.js';

/** A target with the defaults of a configuration. */
export const targetAt = (location: TargetLocation, extra: Partial<Target> = {}): Target => ({
  name: 'target',
  location,
  url: `${location.type} target`,
  passwordFile: undefined,
  ssh: { identityFile: undefined, knownHostsFile: undefined, options: [] },
  standby: 'auto',
  bandwidthLimit: undefined,
  rsync: { path: 'rsync', timeoutSeconds: 60, compress: false, wholeFile: 'auto', args: [] },
  ...extra,
});

export const targetOf = ({ port, module }: RsyncDaemon, extra: Partial<Target> = {}): Target =>
  targetAt({ type: 'daemon', host: '127.0.0.1', port, user: undefined, module, path: '' }, extra);

export const identityOf = (path: string): SourceIdentity => {
  const { dev, ino } = statSync(path, { bigint: true });
  return { device: String(dev), inode: String(ino) };
};

/** A call without rules or limits, for `rsyncArgs`. */
export const plainCall = {
  rules: [],
  kept: [],
  deleteMethod: 'missing-args',
  maxDelete: Number.POSITIVE_INFINITY,
  recursive: false,
  dryRun: false,
  compare: 'quick',
} as const;
