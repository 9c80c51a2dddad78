// A program of its own, given the path of a store: reads all of it. LMDB checks little, and a damaged file may end the
// process that reads it; so it is this one. Exit status 0: sound. Else stdout says what is wrong, or a signal ended it.
import { recordBytes } from './digest-record.js';
import {
  openStoreFile,
  openTargetTable,
  readNote,
  type StoreFile,
  storeFormat,
  type Table,
  targetKeys,
} from './store-file.js';

const faultOf = (store: StoreFile): string | undefined => {
  const format = readNote(store, 'format');
  if (format === undefined && countOf(store.notes) === 0 && countOf(store.root) === 1) return undefined; // just begun
  if (format !== storeFormat) return 'it is not a store of this version of imgsync-fast';
  for (const key of targetKeys(store)) {
    const fault = tableFault(openTargetTable(store, key));
    if (fault !== undefined) return `the table ${key} ${fault}`;
  }
  return undefined;
};

const countOf = (table: Table): number => (table.getStats() as { entryCount: number }).entryCount;

const tableFault = (table: Table): string | undefined => {
  const expected = countOf(table);
  let count = 0;
  let before: Buffer | undefined;
  for (const { key, value } of table.getRange({})) {
    if (++count > expected) return 'has no end';
    if (before !== undefined && Buffer.compare(before, key) >= 0) return 'is out of order';
    if (value.length !== recordBytes) return 'holds a broken record';
    before = key;
  }
  return count === expected ? undefined : 'lacks records';
};

let fault: string | undefined;
try {
  fault = faultOf(openStoreFile(process.argv[2] ?? ''));
} catch (error) {
  fault = error instanceof Error ? error.message : String(error);
}
if (fault !== undefined) process.stdout.write(fault);
process.exitCode = fault === undefined ? 0 : 1;
