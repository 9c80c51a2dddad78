import { asRelPath, type RelPath } from './path.js';

/**
 * What has to be looked at again. A change is a hint: the transfer sends the state that the path has when its batch
 * is sent (present, gone, a file, a directory).
 * - `attributes`: an `entry` of which only mode, owner or times changed
 * - `entry`: the path itself; of a directory only its own attributes
 * - `directory`: the path and its immediate contents; what the target has beside them is deleted
 * - `tree`: the path and all beneath it
 */
export type ChangeKind = 'attributes' | 'entry' | 'directory' | 'tree';

/** Position in the change log: 1, 2, 3 … in the order of arrival; 0 is before the first change. */
export type Sequence = number;

/** Something that may differ from what it was. */
export interface Change {
  /** How much of it has to be looked at. */
  readonly kind: ChangeKind;
  /** Below the source root, one latin1 character per byte; the root is the empty string. */
  readonly path: RelPath;
}

const kindBytes = { attributes: 0x61, entry: 0x65, directory: 0x64, tree: 0x74 } as const; // 'a', 'e', 'd', 't'
const kindsByByte: ReadonlyMap<number, ChangeKind> = new Map(
  (Object.keys(kindBytes) as ChangeKind[]).map((kind) => [kindBytes[kind], kind]),
);
const rank: Readonly<Record<ChangeKind, number>> = { attributes: 0, entry: 1, directory: 2, tree: 3 };

/** Whether a change stands for more than its path: for what a directory holds. */
export const isWide = (kind: ChangeKind): boolean => kind === 'directory' || kind === 'tree';

/** The kind that covers both: `tree` covers `directory` covers `entry` covers `attributes`. */
export const widerKind = (a: ChangeKind, b: ChangeKind): ChangeKind => (rank[a] >= rank[b] ? a : b);

/**
 * Changes as one buffer, the form in which they cross threads and the addon's boundary: for each change a kind byte
 * (`a`, `e`, `d` or `t`), the path's bytes, a NUL.
 */
export const packChanges = (changes: readonly Change[]): Buffer => {
  let sizeBytes = 0;
  for (const change of changes) sizeBytes += change.path.length + 2;
  const packed = Buffer.allocUnsafeSlow(sizeBytes); // of its own, so that it can be transferred to a worker
  let at = 0;
  for (const change of changes) {
    packed[at] = kindBytes[change.kind];
    at += 1 + packed.write(change.path, at + 1, 'latin1');
    packed[at++] = 0;
  }
  return packed;
};

/** The reverse of {@link packChanges}. Throws a `RangeError` on a buffer that is no such list. */
export function* unpackChanges(packed: Uint8Array): Generator<Change> {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const kind = kindsByByte.get(bytes[at] ?? 0);
    const end = bytes.indexOf(0, at + 1);
    if (kind === undefined || end < 0) throw new RangeError(`no packed change at byte ${at}`);
    yield { kind, path: asRelPath(bytes.toString('latin1', at + 1, end)) };
    at = end + 1;
  }
}
