export type { ConfigInput } from './config/schema.js';
export type { Change, ChangeKind } from './core/change.js';
export {
  ConfigError,
  type ConfigFault,
  OperationError,
  ReplicationError,
  StoreError,
  WatchError,
} from './core/errors.js';
export type { LogLine } from './core/logger.js';
export { displayPath, type RelPath } from './core/path.js';
export type {
  ExcludedPath,
  SettledOptions,
  SettledReport,
  SettledTarget,
  TargetChoice,
} from './daemon/settled.js';
export type { PathText } from './daemon/source-path.js';
export type { HeldDeletesStatus, TargetState, TargetStatus } from './daemon/status.js';
export type { HookStatus } from './hooks/hook-queue.js';
export type { ChannelMessage } from './library/channels.js';
export type {
  DeliveredEvent,
  FailureEvent,
  LiveEvent,
  OverflowEvent,
  ReplicationEvents,
  StateEvent,
  StuckEvent,
} from './library/events.js';
export { NotSettledError } from './library/not-settled.js';
export {
  createReplication,
  type Replication,
  type ReplicationOptions,
  type ReplicationStatus,
  type TargetInput,
} from './library/replication.js';
export type { ReplicationLogger } from './library/safe-logger.js';
export type { WatchTreeOptions } from './library/watch-options.js';
export {
  type TreeBatch,
  type TreeChange,
  type TreeWatch,
  type WatchedTree,
  watchTree,
} from './library/watch-tree.js';
export type { Lack, Place } from './replicate/open-work.js';
export type { TransferStats } from './transfer/messages.js';
