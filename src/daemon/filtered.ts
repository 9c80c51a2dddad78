import { lstatSync } from 'node:fs';
import { ancestorsOf, type RelPath, relPathToBytes } from '../core/path.js';
import type { FilterRule } from '../core/target.js';
import { loadAddon } from '../native/addon.js';

/** The rule that keeps a path from the targets. */
export interface Exclusion {
  /** As the configuration has it. */
  readonly pattern: string;
  /** Where it stands there, a JSON pointer such as `/exclude/0`. */
  readonly pointer: string;
  /** The path that it matches: the one asked for, or a directory above it. */
  readonly path: RelPath;
}

export type FoundKind = 'file' | 'directory' | 'link' | 'other';

/** What is there: `undefined` when nothing is, or nothing that can be looked at. Follows no link. */
export const kindAt = (source: string, path: RelPath): FoundKind | undefined => {
  try {
    const root = Buffer.from(source, 'utf8');
    const stat = lstatSync(
      path === '' ? root : Buffer.concat([root, Buffer.from('/'), relPathToBytes(path)]),
    );
    if (stat.isDirectory()) return 'directory';
    return stat.isFile() ? 'file' : stat.isSymbolicLink() ? 'link' : 'other';
  } catch {
    return undefined;
  }
};

/**
 * The rule that hides a path; `undefined`: none does.
 * @param rules the includes, then the excludes, as in `Config`
 */
export const exclusionOf = (
  source: string,
  rules: readonly FilterRule[],
  path: RelPath,
): Exclusion | undefined => {
  if (rules.length === 0) return undefined;
  const includes = rules.filter((rule) => rule.startsWith('+')).length;
  const { matchFilter } = loadAddon();
  // From the root down: what lies in a hidden directory is not looked at any more.
  for (const each of [...[...ancestorsOf(path)].reverse(), path]) {
    if (each === '') continue;
    const isDirectory = each !== path || kindAt(source, each) === 'directory';
    const { excluded, rule } = matchFilter(rules, each, isDirectory);
    const found = rules[rule];
    if (excluded && found !== undefined)
      return {
        pattern: Buffer.from(found.slice(2), 'latin1').toString('utf8'),
        pointer: `/exclude/${rule - includes}`,
        path: each,
      };
  }
  return undefined;
};
