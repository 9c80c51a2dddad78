import { closeSync, constants, fstatSync, openSync, readlinkSync } from 'node:fs';
import type { SourceIdentity, TransferFailure } from './messages.js';

/** The source root, open. */
export interface SourceRoot {
  readonly fd: number;
  /** Where it lies now, latin1. */
  readonly path: string;
  close(): void;
}

/**
 * Opens the source root and compares it with the one that is watched. rsync runs in this descriptor, so a root that is
 * unmounted or swapped at any later moment is still the one that was checked.
 */
export const openSourceRoot = (source: string, identity: SourceIdentity): SourceRoot | TransferFailure => {
  let fd: number;
  try {
    fd = openSync(Buffer.from(source, 'latin1'), constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    return sourceFailure('SOURCE_MISSING', error instanceof Error ? error.message : String(error));
  }
  const { dev, ino } = fstatSync(fd, { bigint: true });
  if (String(dev) !== identity.device || String(ino) !== identity.inode) {
    closeSync(fd);
    return sourceFailure('SOURCE_REPLACED', 'another directory stands where the source was');
  }
  return {
    fd,
    path: readlinkSync(`/proc/self/fd/${fd}`, 'latin1'),
    close: () => closeSync(fd),
  };
};

/** The root was deleted or can't be read any more. */
export const sourceUnreadable = (error: unknown): TransferFailure =>
  sourceFailure('SOURCE_MISSING', error instanceof Error ? error.message : String(error));

const sourceFailure = (code: string, text: string): TransferFailure => ({
  code,
  exitCode: undefined,
  text,
  hint: 'bring the source back; nothing is deleted meanwhile',
});
