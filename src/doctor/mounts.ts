import { readFileSync } from 'node:fs';

/** One line of /proc/self/mountinfo. */
export interface Mount {
  readonly point: string;
  /** `ext4`, `nfs4`, `fuse.sshfs`, … */
  readonly type: string;
}

export const readMounts = (): Mount[] => parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'));

/** Pure. Fields: proc_pid_mountinfo(5); blanks and the like are three octal digits. */
export const parseMounts = (text: string): Mount[] =>
  text.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , , point] = before.split(' ');
    const [type] = after.split(' ');
    if (point === undefined || type === undefined || type === '') return [];
    return { point: unescaped(point), type };
  });

const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/** The file system that an absolute path without links lies on: of several at one place the last one mounted. */
export const mountOf = (path: string, mounts: readonly Mount[]): Mount | undefined =>
  mounts
    .filter(({ point }) => point === path || isBelow(path, point))
    .reduce<Mount | undefined>(
      (best, mount) => (best === undefined || mount.point.length >= best.point.length ? mount : best),
      undefined,
    );

/** What is mounted below a directory, each place once. */
export const mountsBelow = (directory: string, mounts: readonly Mount[]): Mount[] => [
  ...new Map(
    mounts.filter(({ point }) => isBelow(point, directory)).map((mount) => [mount.point, mount]),
  ).values(),
];

const isBelow = (path: string, directory: string): boolean =>
  path !== directory && path.startsWith(directory.endsWith('/') ? directory : `${directory}/`);

const remote =
  /^(?:nfs4?|cifs|smb3?|smbfs|9p|afs|ceph|lustre|gfs2?|ocfs2|gpfs|beegfs|pvfs2|coda|ncpfs|virtiofs|vboxsf|prl_fs|vmhgfs|fuse(?:\..*)?|fakeowner|grpcfuse|osxfs)$/;

/** Whether others than this kernel may change what is on it: they make no events here. `fuseblk` is a local disk. */
export const isRemote = ({ type }: Mount): boolean => remote.test(type);

export const isOverlay = ({ type }: Mount): boolean => type === 'overlay' || type === 'aufs';

/** Gone after a restart of the machine. */
export const isInMemory = ({ type }: Mount): boolean => type === 'tmpfs' || type === 'ramfs';
