import fc from 'fast-check';
import type { Change } from '../../src/core/change.js';
import { asRelPath, type RelPath } from '../../src/core/path.js';

/** Names of any bytes but NUL and slash, and not `.` or `..`. */
const fileName: fc.Arbitrary<string> = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .map((bytes) => Buffer.from(bytes).toString('latin1').replace(/[\0/]/g, '_'))
  .filter((text) => text !== '.' && text !== '..');

/** Paths of any names. */
export const relPath: fc.Arbitrary<RelPath> = fc
  .array(fileName, { maxLength: 5 })
  .map((names) => asRelPath(names.join('/')));

/** Paths out of a few names, so that they often meet: equal, above, below, and `a` beside `ab`. */
export const crowdedPath: fc.Arbitrary<RelPath> = fc
  .array(fc.constantFrom('a', 'b', 'ab', 'a.'), { maxLength: 4 })
  .map((names) => asRelPath(names.join('/')));

export const changeOf = (path: fc.Arbitrary<RelPath>): fc.Arbitrary<Change> =>
  fc.record({ kind: fc.constantFrom('entry', 'directory', 'tree'), path }, { noNullPrototype: true });
