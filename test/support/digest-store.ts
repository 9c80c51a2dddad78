import { createHash } from 'node:crypto';
import * as lmdb from 'lmdb';
import { DigestStore } from '../../src/store/digest-store.js';
import { openStoreFile, openTargetTable, type StoreWriter, transact } from '../../src/store/store-file.js';
import { TargetDigests } from '../../src/store/target-digests.js';
import { atEnd, type Scope } from './scope.js';
import { tempDirectory } from './temp-tree.js';

/** What a store reported. */
export interface StoreReports {
  readonly setAside: { readonly file: string; readonly reason: string }[];
  readonly lost: unknown[];
  distrusted: number;
}

/** Opens the store of a state directory; the caller closes it. */
export const openDigestStore = async (
  stateDir: string,
): Promise<{ store: DigestStore; reports: StoreReports }> => {
  const reports: StoreReports = { setAside: [], lost: [], distrusted: 0 };
  const store = await DigestStore.open(stateDir, {
    setAside: (file, reason) => reports.setAside.push({ file, reason }),
    distrusted: () => reports.distrusted++,
    lost: (error) => reports.lost.push(error),
  });
  return { store, reports };
};

/** A store in a fresh state directory, closed when the scope ends. */
export const digestStore = async (scope: Scope): Promise<DigestStore> => {
  const { store } = await openDigestStore(tempDirectory(scope, 'state'));
  atEnd(scope, () => store.close());
  return store;
};

/** The tables of one store alone. @returns the digests of a target, as a process that has just begun sees them */
export const digestTables = (scope: Scope): ((target?: string) => TargetDigests) => {
  const file = openStoreFile(`${tempDirectory(scope, 'state')}/digests.mdb`, lmdb);
  atEnd(scope, () => file.root.close());
  let lastId = 0;
  const writer: StoreWriter = {
    isLost: false,
    newId: () => ++lastId,
    get lastId() {
      return lastId;
    },
    write: (action) => transact(file, action),
  };
  return (target = 'target') => new TargetDigests(openTargetTable(file, target), writer);
};

/** A digest that stands for the text. */
export const digestOf = (text: string): string =>
  createHash('sha256').update(text, 'latin1').digest().subarray(0, 16).toString('latin1');
