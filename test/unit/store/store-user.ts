// Starts like the daemon with the store of a state directory, does with it all that the daemon does, and closes it.
// Prints what was set aside.
import type { RelPath } from '../../../src/core/path.js';
import { DigestStore } from '../../../src/store/digest-store.js';
import { recordOf } from './store-writer.js';

/** Directories that the user writes. */
export const usedPaths = Array.from({ length: 1500 }, (_, i) => (i === 0 ? '' : `d${i}`) as RelPath);

if (process.argv[1]?.endsWith('store-user.js')) {
  const store = await DigestStore.open(process.argv[2] ?? '', {
    setAside: (_file, reason) => process.stdout.write(`${reason}\n`),
    distrusted() {},
    lost() {},
  });
  for (const target of ['one', 'two']) {
    const digests = store.target(target);
    const walk = digests.walk();
    for (const path of usedPaths) walk.get(path);
    digests.children(['' as RelPath]);
    digests.expect(usedPaths.map((path) => ({ kind: 'directory', path })));
    for (let i = 0; i < usedPaths.length; i += 100)
      digests.put(usedPaths.slice(i, i + 100).map((path) => recordOf(path, i)));
  }
  store.keepOnly(['one']);
  await store.close();
}
