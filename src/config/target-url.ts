import { isIPv6 } from 'node:net';
import { posix } from 'node:path';
import type { TargetLocation } from '../core/target.js';

export type ParsedUrl = { readonly location: TargetLocation } | { readonly fault: string };

const forms =
  'expected rsync://[user@]host[:port]/module[/path], ssh://[user@]host[:port]/path or an absolute local path';
const controlCharacter = /[\x00-\x1f\x7f]/;

/**
 * Where a target's URL points to. Users, hosts, modules and paths of `rsync://` and `ssh://` are percent-decoded,
 * IPv6 hosts stand in brackets; a local path is taken as it is. Paths come back without doubled or trailing slashes.
 * The fault never repeats the URL: it may hold a password.
 */
export const parseTargetUrl = (url: string): ParsedUrl => {
  try {
    return { location: url.startsWith('/') ? localOf(url) : remoteOf(url) };
  } catch (error) {
    if (error instanceof UrlFault) return { fault: error.message };
    throw error;
  }
};

class UrlFault extends Error {}

const refuse = (message: string): never => {
  throw new UrlFault(message);
};

const localOf = (url: string): TargetLocation => {
  if (controlCharacter.test(url)) refuse('a local path holds no control characters');
  const path = `/${pathBelow(url)}`;
  return path === '/'
    ? refuse('the root directory can not be a target: name a directory')
    : { type: 'local', path };
};

const remoteOf = (url: string): TargetLocation => {
  const [, scheme, authority, rest] = /^(rsync|ssh):\/\/([^/]*)(.*)$/s.exec(url) ?? refuse(forms);
  const { user, host, port } = authorityOf(authority ?? '');
  const [first = '', ...others] = (rest ?? '')
    .split('/')
    .filter((name) => name !== '')
    .map(decode);
  const path = pathBelow(others.join('/'));
  if (scheme === 'ssh') return sshOf(host, port, user, pathBelow([first, ...others].join('/')));
  if (first === '') refuse('the module is missing: expected rsync://[user@]host[:port]/module[/path]');
  if (first.includes('/') || first === '.' || first === '..') refuse('the module is no valid name');
  return { type: 'daemon', host, port: port ?? 873, user, module: first, path };
};

const sshOf = (
  host: string,
  port: number | undefined,
  user: string | undefined,
  path: string,
): TargetLocation => {
  if (path === '') refuse('the path is missing: expected ssh://[user@]host[:port]/path, a directory below /');
  if (path === '~' || path.startsWith('~/'))
    refuse('the path of an ssh:// URL is absolute: write out the home directory');
  return { type: 'ssh', host, port, user, path: `/${path}` };
};

interface Authority {
  readonly user: string | undefined;
  readonly host: string;
  readonly port: number | undefined;
}

const authorityOf = (authority: string): Authority => {
  const at = authority.lastIndexOf('@');
  const [, host = '', portText] =
    /^(\[[^\]]*\]|[^:[\]]*)(?::([^:]*))?$/s.exec(authority.slice(at + 1)) ??
    refuse('expected host[:port]; an IPv6 address stands in brackets: rsync://[2001:db8::1]/module');
  return {
    user: at < 0 ? undefined : userOf(authority.slice(0, at)),
    host: hostOf(decode(host)),
    port: portText === undefined ? undefined : portOf(portText),
  };
};

const userOf = (text: string): string => {
  if (text.includes(':'))
    refuse(
      'no password in the URL, where lists of processes and logs show it: put it in a file and name it with passwordFile',
    );
  const user = decode(text);
  if (!/^[^\s:@/-][^\s:@/]*$/.test(user)) refuse('the user before the @ is no valid name');
  return user;
};

const hostOf = (host: string): string => {
  if (host === '') refuse(`the host is missing: ${forms}`);
  const bracketed = /^\[(.*)\]$/s.exec(host)?.[1];
  if (bracketed !== undefined)
    return isIPv6(bracketed) ? bracketed : refuse('expected an IPv6 address in the brackets');
  return /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?$/.test(host)
    ? host
    : refuse('the host is no valid name or address');
};

const portOf = (text: string): number => {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : refuse('expected a port from 1 to 65535 behind the host');
};

const decode = (text: string): string => {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    return refuse('a % begins an escape of two hex digits (UTF-8); the sign itself is written %25');
  }
  return controlCharacter.test(decoded) ? refuse('control characters can not be part of a URL') : decoded;
};

/** Without slashes at both ends, doubled slashes and `.`; `..` could leave the module and is refused. */
const pathBelow = (path: string): string => {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  return names.includes('..') ? refuse('".." can not be part of the path') : names.join('/');
};

/** A place that can be compared: two targets collide when `host` is the same and one `path` is at or below the other. */
export interface Place {
  readonly host: string;
  readonly path: string;
}

/**
 * The place of a location. The user does not count, the default ports do; a local path has to be resolved before.
 */
export const placeOf = (location: TargetLocation): Place => {
  switch (location.type) {
    case 'daemon': {
      const { host, port, module, path } = location;
      return { host: `rsync://${hostKey(host)}:${port}`, path: posix.join('/', module, path) };
    }
    case 'ssh':
      return { host: `ssh://${hostKey(location.host)}:${location.port ?? 22}`, path: location.path };
    case 'local':
      return { host: '', path: location.path };
  }
};

const hostKey = (host: string): string =>
  isIPv6(host) && !host.includes('%')
    ? new URL(`http://[${host}]`).hostname
    : host.toLowerCase().replace(/\.$/, '');

/** Whether absolute `path` is `directory` or lies below it; both without trailing slashes. */
export const isAtOrBelow = (path: string, directory: string): boolean =>
  path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`);

/** Name of a target that has none: unique because places are. */
export const nameOf = (location: TargetLocation): string => {
  if (location.type === 'local') return location.path;
  const host = location.host.includes(':') ? `[${location.host}]` : location.host;
  const port =
    location.port === undefined || (location.type === 'daemon' && location.port === 873)
      ? ''
      : `:${location.port}`;
  if (location.type === 'ssh') return `${host}${port}${location.path}`;
  return [`${host}${port}`, location.module, location.path].filter((part) => part !== '').join('/');
};
