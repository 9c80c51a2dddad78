import { isIPv6 } from 'node:net';
import type { TargetParts } from './settings.js';
import { wordsOf } from './words.js';

/** Where an rsync daemon's module is, as old configurations say it: nothing is encoded. */
export interface DaemonPlace {
  readonly user: string | undefined;
  readonly host: string;
  readonly port: string | undefined;
  /** With a path below it, where there is one. */
  readonly module: string;
}

/** `rsync://` URL of the place; whether its parts are right is for `parseTargetUrl` to say. */
export const daemonUrl = ({ user, host, port, module }: DaemonPlace): string =>
  `rsync://${authorityOf(user, host, port)}/${encodePath(module)}`;

const sshUrl = (place: {
  readonly user: string | undefined;
  readonly host: string;
  readonly port: string | undefined;
  readonly path: string;
}): string => `ssh://${authorityOf(place.user, place.host, place.port)}/${encodePath(place.path)}`;

const authorityOf = (user: string | undefined, host: string, port: string | undefined): string => {
  const at = host.lastIndexOf('@');
  const name = at < 0 ? user : host.slice(0, at);
  const bare = host.slice(at + 1);
  return `${name === undefined || name === '' ? '' : `${encodeURIComponent(name)}@`}${isIPv6(bare) ? `[${bare.replace('%', '%25')}]` : bare}${port === undefined ? '' : `:${port}`}`;
};

const encodePath = (path: string): string =>
  path
    .replace(/^\/+|\/+$/g, '')
    .split('/')
    .map((name) => encodeURIComponent(name))
    .join('/');

/** A target behind ssh, reached as a command of `rsync -e` says. */
export const sshTarget = (
  { user, host, path }: { readonly user: string | undefined; readonly host: string; readonly path: string },
  shell: RemoteShell,
): TargetParts => {
  const { identityFile, knownHostsFile, options } = shell;
  const ssh = {
    ...(identityFile === undefined ? {} : { identityFile }),
    ...(knownHostsFile === undefined ? {} : { knownHostsFile }),
    ...(options.length === 0 ? {} : { options: [...options] }),
  };
  return {
    url: sshUrl({ user: user ?? shell.user, host, port: shell.port, path }),
    ...(Object.keys(ssh).length === 0 ? {} : { ssh }),
  };
};

/** What the command of `rsync -e` says. */
export interface RemoteShell {
  readonly port: string | undefined;
  readonly user: string | undefined;
  readonly identityFile: string | undefined;
  readonly knownHostsFile: string | undefined;
  /** `Key=Value` of ssh_config(5). */
  readonly options: readonly string[];
  /** Words that have no place in sync.json. */
  readonly rest: readonly string[];
}

/** Reads `ssh -p 2222 -i key -o Key=Value …`. */
export const readRemoteShell = (command: string): RemoteShell => {
  const [, ...words] = wordsOf(command);
  const values = new Map<string, string>();
  const options: string[] = [];
  const rest: string[] = [];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const [, letter = '', attached = ''] = /^-([pilo])(.*)$/s.exec(word) ?? [];
    const value = letter === '' ? '' : attached || (words.shift() ?? '');
    if (word === '-C') options.push('Compression=yes');
    else if (letter === 'o') options.push(value.replace(/\s*(?:=|\s)\s*/, '='));
    else if (letter !== '') values.set(letter, value);
    else rest.push(word);
  }
  const known = options.find((option) => /^UserKnownHostsFile=\//i.test(option));
  return {
    port: values.get('p'),
    user: values.get('l'),
    identityFile: values.get('i'),
    knownHostsFile: known?.slice(known.indexOf('=') + 1),
    options: options.filter((option) => option !== known),
    rest,
  };
};
