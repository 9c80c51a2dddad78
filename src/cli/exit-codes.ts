import { constants } from 'node:os';
import { ConfigError, OperationError, ReplicationError } from '../core/errors.js';
import { ControlError } from './control-error.js';

/**
 * How the process ends: small numbers for what was asked of a running one, those of sysexits.h for the rest. A second
 * signal adds 128 to its own number, as shells do.
 * - `failed`: it was not done
 * - `notInSync`: a wait was over before all was there; a comparison found differences
 * - `partly`: done for some targets
 */
export const exitCodes = {
  ok: 0,
  failed: 1,
  notInSync: 3,
  partly: 4,
  usage: 64,
  unavailable: 69,
  internal: 70,
  config: 78,
} as const;

export const exitCodeOf = (error: unknown): number => {
  if (error instanceof ConfigError) return exitCodes.config;
  if (error instanceof OperationError) return exitCodes.usage;
  if (error instanceof ControlError) return exitCodeOfAnswer(error.status);
  return error instanceof ReplicationError ? exitCodes.unavailable : exitCodes.internal;
};

/** What can't be done now is a failure, what makes no sense a wrong command line. */
const exitCodeOfAnswer = (status: number | undefined): number => {
  if (status === 409) return exitCodes.failed;
  return status === 400 || status === 404 ? exitCodes.usage : exitCodes.unavailable;
};

export const exitCodeOfSignal = (signal: NodeJS.Signals): number => 128 + constants.signals[signal];
