// Writes to the store of a state directory until it is killed: rounds of records that each tell their own path, round
// and digest. Prints the number of each round when it is written.
// `growing`: with more and more records, until there is no room.
import type { RelPath } from '../../../src/core/path.js';
import { DigestStore } from '../../../src/store/digest-store.js';
import { digestOf } from '../../support/digest-store.js';

export const writtenPaths: readonly RelPath[] = ['', 'a', 'a/b', 'a/b/c', 'd', 'd/e'].map(
  (path) => path as RelPath,
);

/** The digest of a path in a round, and its number of entries, which is the round. */
export const recordOf = (path: RelPath, round: number) => ({
  path,
  digest: digestOf(`${path} ${round}`),
  entries: round,
  coverage: 'all' as const,
});

if (process.argv[1]?.endsWith('store-writer.js')) {
  const [stateDir = '', first = '0', growing] = process.argv.slice(2);
  let isLost = false;
  const store = await DigestStore.open(stateDir, {
    setAside() {},
    distrusted() {},
    lost() {
      isLost = true;
    },
  });
  const digests = store.target('target');
  for (let round = Number(first); !isLost; round++) {
    digests.expect([{ kind: 'directory', path: 'd' as RelPath }]);
    digests.put(writtenPaths.map((path) => recordOf(path, round)));
    if (growing !== undefined) {
      const more = Array.from({ length: 1000 }, (_, i) => recordOf(`${round} ${i}` as RelPath, round));
      digests.put(more);
    }
    process.stdout.write(`${round}\n`);
  }
  // All calls go on to work and find nothing.
  digests.expect([{ kind: 'directory', path: 'd' as RelPath }]);
  digests.put([recordOf('' as RelPath, 0)]);
  const found = digests.get('' as RelPath)?.digest;
  await store.close();
  process.stdout.write(found === undefined ? 'lost, and all is well\n' : 'lost, but it still answers\n');
}
