import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Target } from '../core/target.js';
import { sshTo } from '../transfer/rsync-args.js';
import { rsyncEnvironment } from '../transfer/rsync-environment.js';
import { judgeClock } from './clock.js';
import { type Finding, fail, ok } from './finding.js';
import { runProgram } from './program.js';
import { judgeVersion } from './rsync-version.js';
import { judgeSpace, type Space } from './space.js';
import { faultOf } from './trial-file.js';

/** Logs in and asks for what rsync's protocol does not tell. A key that is kept to rsync alone tells none of it. */
export const examineLogin = async (target: Target, signal: AbortSignal): Promise<Finding[]> => {
  const { location, ssh, rsync } = target;
  if (location.type !== 'ssh') return [];
  const { knownHostsFile } = ssh;
  if (knownHostsFile !== undefined && !(await isThere(knownHostsFile)))
    return [fail('known hosts', `${knownHostsFile} can not be read`, learnHost(location))];
  const [file = 'ssh', ...args] = sshTo(target, scriptFor(target));
  const startedAt = Date.now();
  const end = await runProgram(file, args, { env: rsyncEnvironment(), signal });
  const answers = answersOf(end.stdout);
  if (answers.size === 0) {
    if (/Host key verification failed|No .* host key is known/i.test(end.stderr))
      return [fail('login', 'the host key is not known here, and nobody can be asked', learnHost(location))];
    const isAway = end.exitCode === 255 || end.isLate || end.startError !== undefined;
    const fault = isAway ? faultOf(end) : undefined;
    return fault === undefined
      ? [ok('login', 'it may run rsync alone: version, space and clock of the target are not told')]
      : [fail('login', fault.text, fault.hint)];
  }
  const uid = answers.get('uid') ?? '';
  const space = spaceOf(answers.get('space') ?? '', answers.get('files') ?? '');
  const seconds = Number(answers.get('time'));
  return [
    ok('login', uid === '0' ? 'as root' : `as user ${uid}, who can not set owners: files get its own`),
    judgeRemote(answers.get('rsync') ?? '', rsync.fsync === true),
    ...(space === undefined ? [] : [judgeSpace('space', space)]),
    ...(seconds > 0 ? [judgeClock(seconds, startedAt, Date.now())] : []),
  ];
};

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const learnHost = ({ host, port }: { readonly host: string; readonly port: number | undefined }): string =>
  `put what ssh-keyscan ${port === undefined ? '' : `-p ${port} `}${host} tells into the known hosts, and compare the fingerprint: docs/ssh.md`;

const mark = '@imgsync-fast ';

/** Only reads. Each answer stands below its mark. */
const scriptFor = ({ location, rsync }: Target): string => {
  // It may hold words of a command, as it may for rsync.
  const program = rsync.args.find((arg) => arg.startsWith('--rsync-path='))?.slice('--rsync-path='.length);
  const path = quoted(location.path);
  const above = quoted(dirname(location.path));
  const disk = (option: string) => `{ df -P${option} ${path} || df -P${option} ${above}; } 2>/dev/null`;
  return Object.entries({
    rsync: `{ ${program ?? 'rsync'} --version; } 2>&1`,
    space: disk('k'),
    files: disk('i'),
    time: 'date +%s',
    uid: 'id -u',
  })
    .map(([name, command]) => `echo '${mark}${name}'; ${command}`)
    .join('; ');
};

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const answersOf = (stdout: string): ReadonlyMap<string, string> =>
  new Map(
    stdout
      .split(mark)
      .slice(1)
      .map((part) => {
        const end = part.indexOf('\n');
        return [part.slice(0, end), part.slice(end + 1).trim()];
      }),
  );

const judgeRemote = (output: string, wantsFsync: boolean): Finding =>
  /not found|No such file/.test(output)
    ? fail(
        'rsync there',
        output.split('\n')[0] ?? '',
        'install rsync there, or name it: "args": ["--rsync-path=/opt/rsync/bin/rsync"]',
      )
    : judgeVersion('rsync there', output, wantsFsync);

/** From two tables of df(1), in KiB and in files. */
const spaceOf = (space: string, files: string): Space | undefined => {
  const [, totalKiB = '', , freeKiB = ''] = lastRow(space);
  const [, totalFiles = '', , freeFiles = ''] = lastRow(files);
  if (!isCount(totalKiB) || !isCount(freeKiB)) return undefined;
  return {
    totalBytes: Number(totalKiB) * 1_024,
    freeBytes: Number(freeKiB) * 1_024,
    freeFiles: isCount(freeFiles) && Number(totalFiles) > 0 ? Number(freeFiles) : undefined,
  };
};

const lastRow = (table: string): string[] => (table.split('\n').at(-1) ?? '').split(/\s+/);
const isCount = (text: string): boolean => /^\d+$/.test(text);
