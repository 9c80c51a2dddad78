import { constants } from 'node:os';
import { ConfigError, ReplicationError } from '../core/errors.js';

/** How the process ends, in the numbers of sysexits.h. A second signal adds 128 to its own number, as shells do. */
export const exitCodes = { ok: 0, failed: 1, usage: 64, unavailable: 69, internal: 70, config: 78 } as const;

export const exitCodeOf = (error: unknown): number => {
  if (error instanceof ConfigError) return exitCodes.config;
  return error instanceof ReplicationError ? exitCodes.unavailable : exitCodes.internal;
};

export const exitCodeOfSignal = (signal: NodeJS.Signals): number => 128 + constants.signals[signal];
