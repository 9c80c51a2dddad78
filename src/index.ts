export type { Change, ChangeKind } from './core/change.js';
export { ConfigError, type ConfigFault, ReplicationError, WatchError } from './core/errors.js';
export { displayPath, type RelPath } from './core/path.js';
