import { OperationError } from '../core/errors.js';
import { asRelPath, type RelPath } from '../core/path.js';
import { latin1Of } from './source.js';

/** A path as an ordinary string, or its bytes where they may not be UTF-8. */
export type PathText = string | Uint8Array;

/**
 * What an operator or a program calls a path of the source: relative to the root, or absolute; `.` is the root. Throws an
 * {@link OperationError} `OUTSIDE_SOURCE`.
 */
export const sourcePath = (source: string, given: PathText): RelPath => {
  const text = typeof given === 'string' ? latin1Of(given) : Buffer.from(given).toString('latin1');
  const isAbsolute = text.startsWith('/');
  const root = partsOf(latin1Of(source));
  const parts = partsOf(text);
  const outside = parts.includes('..') || (isAbsolute && root.some((part, index) => parts[index] !== part));
  if (outside)
    throw new OperationError(
      'OUTSIDE_SOURCE',
      `${JSON.stringify(Buffer.from(text, 'latin1').toString())} is not in the source ${source}`,
      'name a path relative to the source, or an absolute one in it',
    );
  return asRelPath(parts.slice(isAbsolute ? root.length : 0).join('/'));
};

const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.');
