import type * as Lmdb from 'lmdb';
import type { Database, RootDatabase } from 'lmdb';
import { StoreError } from '../core/errors.js';

export type Table = Database<Buffer, Buffer>;

/** What all targets of a store share. */
export interface StoreWriter {
  /** Runs `action` in a transaction; when this returns, the death of the process takes nothing of it back. */
  write(action: () => void): void;
  /** Whether the store was given up; then nothing that is read counts. */
  readonly isLost: boolean;
  /** A fresh directory id; only within a transaction. */
  newId(): number;
  /** The newest id given. */
  readonly lastId: number;
}

/** An LMDB file that holds a table of notes and one table for each target. */
export interface StoreFile {
  readonly root: RootDatabase<Buffer, Buffer>;
  /** Short names -> bytes: the format, the boot it was written in, the newest id, the targets' tables, ways to delete, and whether anything was sent. */
  readonly notes: Table;
  readonly lmdb: typeof Lmdb;
}

/** Of what is stored, the digests themselves included: another version of them is of no use. */
export const storeFormat = 'imgsync-fast digests 1';
const tableOptions = { encoding: 'binary', keyEncoding: 'binary' } as const;
const targetPrefix = 'target:';
const maxTables = 1024;

/**
 * Opens the file, which is created when it is missing. A damaged file may end the process; see verify-store.ts.
 * @param lmdb see {@link loadLmdb}
 */
export const openStoreFile = (path: string, lmdb: typeof Lmdb): StoreFile => {
  const root = lmdb.open<Buffer, Buffer>(path, {
    ...tableOptions,
    noSubdir: true,
    maxDbs: maxTables,
    overlappingSync: false,
  });
  return { root, notes: root.openDB<Buffer, Buffer>('notes', tableOptions), lmdb };
};

/**
 * LMDB's compiled part is a package of its own for each kind of machine, which an install may have left out: then this
 * rejects with a {@link StoreError} `STORE_MISSING`.
 */
export const loadLmdb = async (): Promise<typeof Lmdb> => {
  try {
    return await import('lmdb');
  } catch (cause) {
    const [reason] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    throw new StoreError(
      'STORE_MISSING',
      `the package lmdb can't be loaded: ${reason}`,
      'install it with the optional packages (`npm install --include=optional`), or build it: `npm rebuild lmdb --ignore-scripts=false` (g++, make and python3 are needed)',
      { cause },
    );
  }
};

/**
 * Runs `action` in a transaction that is written but not flushed: the death of the process takes nothing of it back,
 * that of the machine may. Takes some 20 µs and what the action takes. When it throws, nothing was written.
 */
export const transact = ({ root, lmdb }: StoreFile, action: () => void): void => {
  const { ABORTABLE, NO_SYNC_FLUSH } = lmdb.TransactionFlags;
  root.transactionSync(action, ABORTABLE | NO_SYNC_FLUSH);
};

/**
 * Runs `action` in a transaction that is given up: the pages that it changes are copies in memory, and nothing of them
 * comes into the file.
 */
export const rehearse = ({ root, lmdb }: StoreFile, action: () => void): void => {
  const { ABORTABLE, NO_SYNC_FLUSH } = lmdb.TransactionFlags;
  root.transactionSync(() => {
    action();
    return lmdb.ABORT;
  }, ABORTABLE | NO_SYNC_FLUSH);
};

/** The table of a target; `key` is a short text that stands for its identity. */
export const openTargetTable = ({ root }: StoreFile, key: string): Table =>
  root.openDB<Buffer, Buffer>(`${targetPrefix}${key}`, tableOptions);

/** The keys of all targets that have a table. */
export const targetKeys = ({ notes }: StoreFile): string[] =>
  [...notes.getKeys({ start: Buffer.from(targetPrefix), end: Buffer.from(`${targetPrefix}~`) })].map((name) =>
    name.toString().slice(targetPrefix.length),
  );

/** Only within a transaction. */
export const noteTarget = ({ notes }: StoreFile, key: string): void => {
  notes.put(Buffer.from(`${targetPrefix}${key}`), Buffer.alloc(0));
};

/** Only within a transaction. */
export const dropTarget = (store: StoreFile, key: string): void => {
  openTargetTable(store, key).dropSync();
  store.notes.remove(Buffer.from(`${targetPrefix}${key}`));
};

export const readNote = ({ notes }: StoreFile, name: string): string | undefined =>
  notes.getBinary(Buffer.from(name))?.toString();

/** Only within a transaction. */
export const writeNote = ({ notes }: StoreFile, name: string, text: string): void => {
  notes.put(Buffer.from(name), Buffer.from(text));
};

/** Only within a transaction. */
export const removeNote = ({ notes }: StoreFile, name: string): void => {
  notes.remove(Buffer.from(name));
};
