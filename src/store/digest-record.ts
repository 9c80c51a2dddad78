/** What the store holds for one directory at one target; see {@link encodeRecord} for its bytes. */
export interface DigestRecord {
  /** Names the directory in the keys of its subdirectories; never given twice, so a new id cuts off all below. */
  readonly id: number;
  /** 16 bytes as a latin1 string. */
  readonly digest: string;
  /** Entries of the directory when the digest was taken. */
  readonly entries: number;
  /** The digest does not count: the directory itself is to be compared, what lies below it is not concerned. */
  readonly isUnknown: boolean;
  /** A batch with some of its entries was sent since the digest was taken: the digest does not count. */
  readonly isChanging: boolean;
  /** A batch that may delete or replace it was sent since: neither the digest nor anything below counts. */
  readonly isSuspect: boolean;
}

const digestBytes = 16;
const idBytes = 6;
/** Bytes of an encoded record. */
export const recordBytes = digestBytes + 4 + idBytes + 1;
const entriesAt = digestBytes;
const idAt = entriesAt + 4;
const flagsAt = idAt + idBytes;
const unknownFlag = 1;
const changingFlag = 2;
const suspectFlag = 4;

/** The id that stands above the root. */
export const aboveRoot = 0;
/** A name takes at most 255 bytes, so every key is far below LMDB's limit, whatever the length of the path. */
const longestName = 255;

/** Key of a directory: its parent's id, then its own name. So the subdirectories of one directory lie side by side. */
export const encodeKey = (parentId: number, name: string): Buffer => {
  const key = Buffer.allocUnsafe(idBytes + name.length);
  writeKey(key, parentId, name);
  return key;
};

/** Makes the key of a directory of a former one whose name was as long. */
export const writeKey = (key: Buffer, parentId: number, name: string): void => {
  key.writeUIntBE(parentId, 0, idBytes);
  key.write(name, idBytes, 'latin1');
};

/** Whether the store can hold a directory of this name. */
export const isStorableName = (name: string): boolean => name.length <= longestName;

/** The first key behind all subdirectories of a directory. */
export const keyBehind = (parentId: number): Buffer => encodeKey(parentId + 1, '');

export const parentIdOf = (key: Buffer): number => key.readUIntBE(0, idBytes);
export const nameOf = (key: Buffer): string => key.toString('latin1', idBytes);

export const encodeRecord = (record: DigestRecord): Buffer => {
  const { id, digest, entries, isUnknown, isChanging, isSuspect } = record;
  const bytes = Buffer.allocUnsafe(recordBytes);
  bytes.write(digest, 0, digestBytes, 'latin1');
  bytes.writeUInt32BE(entries, entriesAt);
  bytes.writeUIntBE(id, idAt, idBytes);
  bytes[flagsAt] =
    (isUnknown ? unknownFlag : 0) | (isChanging ? changingFlag : 0) | (isSuspect ? suspectFlag : 0);
  return bytes;
};

/** The reverse of {@link encodeRecord}; the bytes may be overwritten afterwards. */
export const decodeRecord = (bytes: Buffer): DigestRecord => {
  const flags = bytes[flagsAt] ?? 0;
  return {
    id: bytes.readUIntBE(idAt, idBytes),
    digest: bytes.toString('latin1', 0, digestBytes),
    entries: bytes.readUInt32BE(entriesAt),
    isUnknown: (flags & unknownFlag) !== 0,
    isChanging: (flags & changingFlag) !== 0,
    isSuspect: (flags & suspectFlag) !== 0,
  };
};
