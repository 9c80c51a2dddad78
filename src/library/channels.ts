import { type Channel, channel } from 'node:diagnostics_channel';
import type { ReplicationEvents } from './events.js';

/** What a subscriber of a channel gets. */
export interface ChannelMessage<Name extends keyof ReplicationEvents = keyof ReplicationEvents> {
  /** `source` of the configuration: which replication of this process it was. */
  readonly source: string;
  /** What listeners of the event get. */
  readonly event: ReplicationEvents[Name];
}

/** The channel of `node:diagnostics_channel` that tells this event: `imgsync-fast:` and its name. */
export const channelOf = (name: keyof ReplicationEvents): Channel => channel(`imgsync-fast:${name}`);
