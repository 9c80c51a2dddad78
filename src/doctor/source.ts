import type { Config } from '../config/config.js';
import { asRelPath, displayPath } from '../core/path.js';
import { loadAddon } from '../native/addon.js';
import { unpackScan } from '../watch/scan.js';
import { type Finding, fail, ok, warn } from './finding.js';
import { isOverlay, isRemote, type Mount, mountOf, mountsBelow } from './mounts.js';
import { closedDirectories, tryFiles } from './readable.js';

type Source = Pick<Config, 'source' | 'rules' | 'crossMounts' | 'fullSync'>;

export interface ScannedTree {
  /** That the filter lets through. */
  readonly directories: number;
  readonly findings: readonly Finding[];
}

/** Directories that are tried to be opened, those whose files are, and how many are named. */
const most = { directories: 10_000, folders: 200, named: 5 };

/**
 * Counts the directories and tries whether they can be read.
 * @param isGentle one thread alone
 */
export const scanSource = async (
  { source, rules, crossMounts }: Source,
  isGentle: boolean,
): Promise<ScannedTree> => {
  const root = Buffer.from(source, 'utf8').toString('latin1');
  const options = { root, rules, crossMounts, digests: false, threads: isGentle ? 1 : 0 };
  let directories = 0;
  const bare: string[] = [];
  const filled: string[] = [];
  for (const { path, entries } of unpackScan(await loadAddon().scanTree(options))) {
    directories++;
    // One that can't be read has no entries either.
    if (entries === 0 && bare.length < most.directories) bare.push(path);
    if (entries > 0 && filled.length < most.folders) filled.push(path);
  }
  const closed = await closedDirectories(root, [...bare, ...filled]);
  const files = await tryFiles(root, filled);
  return {
    directories,
    findings: [
      closed.length === 0
        ? ok('source', `${source} can be listed: ${directories} directories`)
        : fail('source', `directories that can not be read: ${namesOf(closed)}`, remedy),
      files.closed.length === 0
        ? ok('files', `${files.tried} of them could be opened, as a sample`)
        : fail('files', `files that can not be read: ${namesOf(files.closed)}`, remedy),
    ],
  };
};

const remedy =
  'give this user the right to read them, run with the capability CAP_DAC_READ_SEARCH, or exclude them';

const namesOf = (paths: readonly string[]): string => {
  const shown = paths.slice(0, most.named).map((path) => displayPath(asRelPath(path)));
  const rest = paths.length - shown.length;
  return `${shown.join(', ')}${rest === 0 ? '' : ` and ${rest} more`}`;
};

/** What kind of file system the source lies on, and what is mounted in it. */
export const examinePlace = (
  { source, rules, crossMounts, fullSync }: Source,
  mounts: readonly Mount[],
): Finding[] => {
  const mount = mountOf(source, mounts);
  const below = mountsBelow(source, mounts).filter(({ point }) => {
    const path = Buffer.from(point.slice(source === '/' ? 1 : source.length + 1)).toString('latin1');
    return !loadAddon().matchFilter(rules, path, true).excluded;
  });
  return [
    ...(mount === undefined ? [] : [kindFinding(mount, fullSync !== undefined)]),
    ...below
      .slice(0, most.named)
      .map((inner) => (crossMounts ? mountFinding(inner) : ok('mounts', `${inner.point} is left out`))),
    ...(below.length > most.named ? [ok('mounts', `and ${below.length - most.named} more`)] : []),
  ];
};

const kindFinding = (mount: Mount, hasFullSync: boolean): Finding => {
  const check = 'file system';
  const text = `${mount.type}, mounted at ${mount.point}`;
  if (isRemote(mount))
    return hasFullSync
      ? ok(check, `${text}: what other hosts change is found by the full sync alone`)
      : warn(
          check,
          `${text}: inotify does not see what other hosts change there`,
          'run imgsync-fast on the host that has the disk, or set a fullSync',
        );
  return isOverlay(mount)
    ? warn(
        check,
        `${text}: inotify does not see what is changed in its lower layers`,
        'use a directory that is no overlay, such as a volume of the container',
      )
    : ok(check, text);
};

const mountFinding = (mount: Mount): Finding =>
  warn(
    'mounts',
    `${mount.type} is mounted below the source at ${mount.point}: when it is unmounted, its files look deleted`,
    'exclude it and replicate it by a process of its own, or set a small delete.max: docs/deletes.md',
  );
