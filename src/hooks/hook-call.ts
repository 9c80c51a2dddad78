import { lstat } from 'node:fs/promises';
import type { Change, ChangeKind } from '../core/change.js';
import { displayPath, type RelPath, relPathToBytes } from '../core/path.js';

/** One call of a hook. */
export interface HookCall {
  readonly hook: string;
  /** `undefined`: when enough targets had the paths, or without targets. */
  readonly target: string | undefined;
  /** Absolute path of the source root. */
  readonly source: string;
  /** Names the call; its retries have the same. */
  readonly id: string;
  /** In the order in which they changed last. */
  readonly changes: readonly Change[];
}

/** Carries a call out; ends it and rejects when the signal aborts. Rejects when it failed. */
export type HookAction = (call: HookCall, signal: AbortSignal) => Promise<void>;

/** A call failed. `message` is one line for people and never holds a secret. */
export class HookFailure extends Error {}

/** What is at the source at the moment. */
export type PathState = 'file' | 'directory' | 'link' | 'other' | 'gone';

/** One path in a call's JSON. */
export interface PathDocument {
  /** Below the source; what is not UTF-8 and control characters as `\xNN`, a backslash doubled. */
  readonly path: string;
  /** The bytes; only where `path` is not the name itself. */
  readonly pathBase64?: string;
  readonly kind: ChangeKind;
  readonly state: PathState;
}

/** The JSON of a call. */
export const documentOf = async (call: HookCall): Promise<string> => {
  const { hook, target, source, id, changes } = call;
  const paths = await Promise.all(
    changes.map(async ({ kind, path }): Promise<PathDocument> => {
      const shown = displayPath(path);
      const isExact = Buffer.from(shown, 'utf8').toString('latin1') === path;
      return {
        path: shown,
        ...(isExact ? {} : { pathBase64: relPathToBytes(path).toString('base64') }),
        kind,
        state: await stateOf(source, path),
      };
    }),
  );
  return JSON.stringify({ hook, ...(target === undefined ? {} : { target }), source, id, paths });
};

/** Absolute path of a changed one, as bytes. */
export const absoluteBytes = (source: string, path: RelPath): Buffer =>
  path === ''
    ? Buffer.from(source, 'utf8')
    : Buffer.concat([
        Buffer.from(source.endsWith('/') ? source : `${source}/`, 'utf8'),
        relPathToBytes(path),
      ]);

const stateOf = async (source: string, path: RelPath): Promise<PathState> => {
  try {
    const found = await lstat(absoluteBytes(source, path));
    if (found.isFile()) return 'file';
    if (found.isDirectory()) return 'directory';
    return found.isSymbolicLink() ? 'link' : 'other';
  } catch {
    return 'gone';
  }
};
