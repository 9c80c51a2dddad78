import { aboveRoot, decodeRecord, encodeKey, parentIdOf } from './digest-record.js';
import type { StoreWriter, Table } from './store-file.js';

/** Records that are read or removed without a pause. */
export const stepSize = 4096;
export const pause = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Removes the records of a target that were cut off; in steps, so that other work goes on. @returns how many */
export const removeCutOff = async (table: Table, writer: StoreWriter): Promise<number> => {
  const newestId = writer.lastId;
  const parents = new Map<number, number>();
  for await (const { key, value } of allRecords(table)) parents.set(decodeRecord(value).id, parentIdOf(key));
  const isCutOff = (id: number): boolean => {
    for (let at = id; at !== aboveRoot; ) {
      const above = parents.get(at);
      if (above === undefined) return true;
      at = above;
    }
    return false;
  };
  let removed = 0;
  let dead: Buffer[] = [];
  const removeDead = () =>
    writer.write(() => {
      for (const key of dead) table.remove(key);
      removed += dead.length;
      dead = [];
    });
  for await (const { key } of allRecords(table)) {
    const parentId = parentIdOf(key);
    // Ids given since the beginning were not all seen; older ones that are cut off stay so for good.
    if (parentId > newestId || !isCutOff(parentId)) continue;
    dead.push(key);
    if (dead.length >= stepSize) removeDead();
  }
  if (dead.length > 0) removeDead();
  return removed;
};

/** Every record, in steps. */
async function* allRecords(table: Table): AsyncGenerator<{ key: Buffer; value: Buffer }> {
  for (let start: Buffer | undefined = encodeKey(aboveRoot, ''); start !== undefined; await pause()) {
    const step: { key: Buffer; value: Buffer }[] = [...table.getRange({ start, limit: stepSize })];
    yield* step;
    const last: Buffer | undefined = step.at(-1)?.key;
    start = last === undefined ? undefined : Buffer.concat([last, Buffer.of(0)]);
  }
}
