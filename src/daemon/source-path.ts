import { OperationError } from '../core/errors.js';
import { asRelPath, type RelPath } from '../core/path.js';
import { latin1Of } from './source.js';

/**
 * What an operator or a program calls a path of the source: relative to the root, or absolute; `.` is the root. Throws an
 * {@link OperationError} `OUTSIDE_SOURCE`.
 */
export const sourcePath = (source: string, text: string): RelPath => {
  const isAbsolute = text.startsWith('/');
  const root = partsOf(source);
  const parts = partsOf(text);
  const outside = parts.includes('..') || (isAbsolute && root.some((part, index) => parts[index] !== part));
  if (outside)
    throw new OperationError(
      'OUTSIDE_SOURCE',
      `${JSON.stringify(text)} is not in the source ${source}`,
      'name a path relative to the source, or an absolute one in it',
    );
  return asRelPath(latin1Of(parts.slice(isAbsolute ? root.length : 0).join('/')));
};

const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.');
