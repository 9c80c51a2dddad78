import type { Daemon, DaemonStatus } from '../daemon/status.js';

/** Counts up when a field goes away or changes its meaning; further fields may come at any time. */
const statusSchema = 'imgsync-fast/status/1';

export interface StatusDocument extends DaemonStatus {
  readonly schema: typeof statusSchema;
}

/** The status as others read it. */
export const statusDocument = (daemon: Pick<Daemon, 'status'>): StatusDocument => ({
  schema: statusSchema,
  ...daemon.status(),
});
