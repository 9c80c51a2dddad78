import { randomUUID } from 'node:crypto';
import { mkdtemp, open, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Finding, fail, ok, warn } from './finding.js';
import { isInMemory, isRemote, type Mount, mountOf } from './mounts.js';
import { judgeSpace, spaceAt } from './space.js';

/** What is tried to be written, bytes. */
const trialBytes = 64 * 1024;
/** Of the store, for each directory and target, and in any case, bytes. */
const bytesEach = 512;
const bytesBase = 64 * 1024 ** 2;

export interface StateDirNeeds {
  readonly directories: number;
  readonly targets: number;
}

/** Whether state can be kept there. Writes a small file and removes it; a directory that is missing is made for a moment. */
export const examineStateDir = async (
  stateDir: string,
  { directories, targets }: StateDirNeeds,
  mounts: readonly Mount[],
): Promise<Finding[]> => {
  const nearest = await nearestDirectory(stateDir);
  const place = mountOf(nearest, mounts);
  const needed = bytesBase + directories * targets * bytesEach;
  return [
    await (nearest === stateDir ? tryToWrite(stateDir) : tryToMake(stateDir, nearest)),
    judgeSpace('state space', await spaceAt(nearest), needed),
    ...(place === undefined ? [] : [kindFinding(place)]),
  ];
};

const nearestDirectory = async (path: string): Promise<string> => {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  return isThere || path === '/' ? path : nearestDirectory(dirname(path));
};

const tryToWrite = async (stateDir: string): Promise<Finding> => {
  const file = join(stateDir, `.doctor-${randomUUID()}`);
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      await handle.writeFile(Buffer.alloc(trialBytes));
      await handle.sync();
    } finally {
      await handle.close();
      await rm(file, { force: true });
    }
    return ok('state directory', `${stateDir} can be written to`);
  } catch (error) {
    return fail('state directory', `${stateDir} can not be written to: ${reasonOf(error)}`, remedy);
  }
};

const tryToMake = async (stateDir: string, parent: string): Promise<Finding> => {
  try {
    await rmdir(await mkdtemp(join(parent, '.imgsync-fast-doctor-')));
    return ok('state directory', `${stateDir} is not there yet and can be made`);
  } catch (error) {
    return fail('state directory', `${stateDir} can not be made in ${parent}: ${reasonOf(error)}`, remedy);
  }
};

const remedy = 'make room, let this user write there, or name another stateDir';

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const kindFinding = (mount: Mount): Finding => {
  const text = `${mount.type}, mounted at ${mount.point}`;
  if (isRemote(mount))
    return fail(
      'state file system',
      `${text}: the store needs a local one`,
      'name a stateDir on a local disk',
    );
  return isInMemory(mount)
    ? warn(
        'state file system',
        `${text}: it is gone after a restart of the machine, and then everything is compared`,
        'name a stateDir on a disk',
      )
    : ok('state file system', text);
};
