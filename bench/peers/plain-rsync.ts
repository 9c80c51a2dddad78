import { run } from '../../test/support/run.js';
import type { Stage } from '../stage.js';

/** One plain `rsync` to each target, all at once; resolves when the last has ended. */
export const plainRsync = async (
  { source, daemons }: Stage,
  options: readonly string[] = ['-a'],
): Promise<void> => {
  await Promise.all(daemons.map(({ url }) => run('rsync', [...options, `${source.path}/`, `${url}/`])));
};
