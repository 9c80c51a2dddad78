import type { Report } from '../report.js';
import { type RsyncParams, readRsyncParams } from '../rsync-params.js';
import { readRemoteShell } from '../target-urls.js';
import { wordsOf } from '../words.js';
import type { XmlElement } from '../xml.js';
import { childOf, isOn, textOf } from './element.js';

export interface Rsync {
  readonly params: RsyncParams;
  readonly isSsh: boolean;
  readonly user: string | undefined;
  readonly passwordFile: string | undefined;
  readonly port: string | undefined;
}

export const readRsync = (sersync: XmlElement | undefined, head: XmlElement, report: Report): Rsync => {
  const rsync = childOf(sersync, 'rsync');
  const common = childOf(rsync, 'commonParams');
  const params = readRsyncParams(wordsOf(textOf(common, 'params')));
  for (const note of params.notes)
    report.note(common ?? head, { ...note, about: `commonParams ${note.about}` });
  const isSsh = isOn(childOf(rsync, 'ssh'));
  noteShell(common, params, isSsh, report);
  return {
    params: { ...params, timeoutSeconds: readTimeout(rsync, params, report) },
    isSsh,
    ...readAuth(rsync, params, isSsh, report),
    port: readPort(rsync, params, isSsh, report),
  };
};

const noteShell = (
  common: XmlElement | undefined,
  { shell }: RsyncParams,
  isSsh: boolean,
  report: Report,
): void => {
  if (shell === undefined || common === undefined) return;
  if (!isSsh) {
    report.fault(
      common,
      `-e "${shell}" without <ssh start="true"/> speaks to an rsync daemon through a remote shell, which imgsync-fast does not do: choose rsync:// or ssh:// and correct it`,
    );
    return;
  }
  report.note(common, {
    kind: 'changed',
    about: `commonParams -e "${shell}"`,
    message: "sersync's own -e ssh stood behind it and won; now its options are used",
    key: 'targets',
  });
  const { rest } = readRemoteShell(shell);
  if (rest.length > 0)
    report.note(common, {
      kind: 'not carried',
      about: `commonParams -e ssh ${rest.join(' ')}`,
      message: 'these have no key; what ssh_config(5) knows can be written into "options"',
      key: 'targets',
    });
};

const defaultTimeout = 60;

const readTimeout = (rsync: XmlElement | undefined, params: RsyncParams, report: Report): number => {
  const timeout = childOf(rsync, 'timeout');
  const seconds = isOn(timeout) ? Number.parseInt(textOf(timeout, 'time'), 10) : params.timeoutSeconds;
  if (seconds !== undefined && seconds >= 1 && seconds <= 86_400) {
    if (timeout !== undefined && isOn(timeout))
      report.note(timeout, { kind: 'carried', about: 'timeout', message: `${seconds} s`, key: 'rsync' });
    return seconds;
  }
  if (timeout !== undefined)
    report.note(timeout, {
      kind: 'changed',
      about: `timeout start="${textOf(timeout, 'start')}" time="${textOf(timeout, 'time')}"`,
      message: `without a limit a connection that died held a thread for ever; it is ${defaultTimeout} s now`,
      key: 'rsync',
    });
  return defaultTimeout;
};

const readAuth = (
  rsync: XmlElement | undefined,
  params: RsyncParams,
  isSsh: boolean,
  report: Report,
): { user: string | undefined; passwordFile: string | undefined } => {
  const auth = childOf(rsync, 'auth');
  if (auth === undefined || !isOn(auth)) {
    if (auth !== undefined)
      report.note(auth, {
        kind: 'dropped',
        about: 'auth',
        message: 'it was switched off: no user, no password file',
      });
    return { user: undefined, passwordFile: isSsh ? undefined : params.passwordFile };
  }
  const user = textOf(auth, 'users') || undefined;
  const passwordFile = textOf(auth, 'passwordfile') || params.passwordFile;
  report.note(auth, {
    kind: 'carried',
    about: `auth users="${user ?? ''}"`,
    message: isSsh
      ? 'the user is in the URL of each target; ssh has no use for the password file, it needs a key'
      : 'in the URL of each target; the password file has to be of mode 0600 and belong to the user that runs imgsync-fast',
    key: 'targets',
  });
  return { user, passwordFile: isSsh ? undefined : passwordFile };
};

const readPort = (
  rsync: XmlElement | undefined,
  params: RsyncParams,
  isSsh: boolean,
  report: Report,
): string | undefined => {
  const defined = childOf(rsync, 'userDefinedPort');
  const port = isOn(defined) ? textOf(defined, 'port') : params.port;
  if (defined === undefined || !isOn(defined)) return isSsh ? undefined : port;
  report.note(defined, {
    kind: isSsh ? 'dropped' : 'carried',
    about: `userDefinedPort ${port}`,
    message: isSsh
      ? 'it is the port of an rsync daemon; ssh uses 22 or what its configuration says'
      : 'in the URL of each target',
    key: 'targets',
  });
  return isSsh ? undefined : port;
};
