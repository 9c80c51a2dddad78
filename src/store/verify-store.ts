// A program of its own, given the path of a store: reads all of it and rehearses to write it. LMDB checks little, and a
// damaged file may end the process that uses it; so it is this one. Exit status 0: sound. Else stdout says what is wrong,
// or a signal ended it.
import { recordBytes } from './digest-record.js';
import {
  loadLmdb,
  openStoreFile,
  openTargetTable,
  readNote,
  rehearse,
  type StoreFile,
  storeFormat,
  type Table,
  targetKeys,
} from './store-file.js';

const faultOf = (store: StoreFile): string | undefined => {
  const format = readNote(store, 'format');
  if (format === undefined && countOf(store.notes) === 0 && countOf(store.root) === 1) return undefined; // just begun
  if (format !== storeFormat) return 'it is not a store of this version of imgsync-fast';
  for (const [name, table] of tablesOf(store)) {
    const fault = tableFault(table, name === 'notes' ? undefined : recordBytes) ?? writingFault(store, table);
    if (fault !== undefined) return `the table ${name} ${fault}`;
  }
  return undefined;
};

function* tablesOf(store: StoreFile): Iterable<readonly [name: string, table: Table]> {
  yield ['notes', store.notes];
  for (const key of targetKeys(store)) yield [key, openTargetTable(store, key)];
}

interface Entry {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Entries that are written in one transaction, which bounds the memory for the pages that they lie in. */
const batchSize = 4096;

/**
 * Some damage shows only when a page is changed: its header says whether it may be written in place, and where there is
 * room in it.
 */
const writingFault = (store: StoreFile, table: Table): string | undefined => {
  let batch: Entry[] = [];
  for (const { key, value } of table.getRange({})) {
    batch.push({ key: Buffer.from(key), value: Buffer.from(value) });
    if (batch.length < batchSize) continue;
    if (!keepsWritten(store, table, batch)) return 'can not be written';
    batch = [];
  }
  return keepsWritten(store, table, batch) ? undefined : 'can not be written';
};

const keepsWritten = (store: StoreFile, table: Table, batch: readonly Entry[]): boolean => {
  let isKept = false;
  rehearse(store, () => {
    // A commit writes where each table begins, and so into the table of the tables.
    store.root.put(Buffer.from('rehearsal'), Buffer.alloc(0));
    for (const { key, value } of batch) {
      table.remove(key);
      table.put(key, value);
    }
    isKept = batch.every(({ key, value }) => table.getBinary(key)?.equals(value));
  });
  return isKept;
};

const countOf = (table: Table): number => (table.getStats() as { entryCount: number }).entryCount;

/** @param valueBytes what each value takes; `undefined`: any */
const tableFault = (table: Table, valueBytes: number | undefined): string | undefined => {
  const expected = countOf(table);
  let count = 0;
  let before: Buffer | undefined;
  for (const { key, value } of table.getRange({})) {
    if (++count > expected) return 'has no end';
    if (before !== undefined && Buffer.compare(before, key) >= 0) return 'is out of order';
    if (valueBytes !== undefined && value.length !== valueBytes) return 'holds a broken record';
    before = key;
  }
  return count === expected ? undefined : 'lacks records';
};

let fault: string | undefined;
try {
  fault = faultOf(openStoreFile(process.argv[2] ?? '', await loadLmdb()));
} catch (error) {
  fault = error instanceof Error ? error.message : String(error);
}
if (fault !== undefined) process.stdout.write(fault);
process.exitCode = fault === undefined ? 0 : 1;
