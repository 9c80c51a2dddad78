/**
 * A path below the source root, one latin1 character per byte, `/` between names, no leading or trailing
 * slash, never `.` or `..`. The root itself is the empty string. File names on Linux are bytes and need not be
 * UTF-8, so only this form travels from inotify to rsync; decode with {@link displayPath} to show one to people.
 */
export type RelPath = string & {
  /** Exists for the compiler alone. */
  readonly __brand: 'RelPath';
};

/** The source root. */
export const ROOT = '' as RelPath;

/** Takes a latin1 string on trust as a {@link RelPath}: for paths that come from the addon. */
export const asRelPath = (latin1: string): RelPath => latin1 as RelPath;

/** Bytes as the kernel gives them -> {@link RelPath}. */
export const relPathFromBytes = (bytes: Uint8Array): RelPath =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1') as RelPath;

/** {@link RelPath} -> the bytes that the kernel and rsync take. */
export const relPathToBytes = (path: RelPath): Buffer => Buffer.from(path, 'latin1');

/** Each path followed by a NUL, as the addon takes them. */
export const packPaths = (paths: readonly RelPath[]): Buffer =>
  Buffer.from(paths.map((path) => `${path}\0`).join(''), 'latin1');

/** The directory that holds `path`; `undefined` for the root. */
export const parentOf = (path: RelPath): RelPath | undefined => {
  if (path === '') return undefined;
  const slash = path.lastIndexOf('/');
  return (slash < 0 ? '' : path.slice(0, slash)) as RelPath;
};

/** The same as {@link parentOf}, made for one row of paths: for neighbours the very same string, whose hash is known already. */
export const neighboursParent = (): ((path: RelPath) => RelPath | undefined) => {
  let last: RelPath | undefined;
  return (path) => {
    if (last === undefined || path.lastIndexOf('/') !== last.length || !path.startsWith(last))
      last = parentOf(path);
    return last;
  };
};

/** Whether `path` lies below `directory` (a path is not inside itself; everything else is inside the root). */
export const isInside = (path: RelPath, directory: RelPath): boolean =>
  directory === ''
    ? path !== ''
    : path.length > directory.length &&
      path.charCodeAt(directory.length) === 47 &&
      path.startsWith(directory);

/** Every directory above `path`, nearest first, ending with the root; empty for the root. */
export function* ancestorsOf(path: RelPath): Generator<RelPath> {
  for (let parent = parentOf(path); parent !== undefined; parent = parentOf(parent)) yield parent;
}

/** Whether `path` lies below one of the directories; it may be one of them itself. */
export const liesBelow = (path: RelPath, directories: ReadonlySet<RelPath>): boolean => {
  if (directories.size > 0) for (const above of ancestorsOf(path)) if (directories.has(above)) return true;
  return false;
};

const utf8 = new TextDecoder('utf-8', { fatal: true });
const escapeByte = (char: string): string => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;

/**
 * For people: UTF-8 where the bytes are valid UTF-8, otherwise every high byte as `\xNN`; control characters as
 * `\xNN`, backslash as `\\`, the root as `.`. Never feed the result back as a path.
 */
export const displayPath = (path: RelPath): string => {
  if (path === '') return '.';
  const plain = path.replaceAll('\\', '\\\\').replace(/[\x00-\x1f\x7f]/g, escapeByte);
  try {
    return utf8.decode(Buffer.from(plain, 'latin1'));
  } catch {
    return plain.replace(/[\x80-\xff]/g, escapeByte);
  }
};
