import type { Change } from '../core/change.js';
import { isInside, type RelPath, ROOT } from '../core/path.js';

/**
 * Whether a change says something about one of the paths: it is about the path itself, what lies below it, or a directory
 * above it, of which more than the attributes changed.
 */
export const concerning = (paths: readonly RelPath[] | undefined): ((change: Change) => boolean) => {
  if (paths === undefined || paths.includes(ROOT)) return () => true;
  const all = new Set(paths);
  return ({ kind, path }) =>
    all.has(path) ||
    paths.some((each) => isInside(path, each) || (kind !== 'attributes' && isInside(each, path)));
};
