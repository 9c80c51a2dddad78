import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { connect, type NetConnectOpts } from 'node:net';
import { delimiter, join, resolve } from 'node:path';
import type { Hook, SocketAddress } from '../core/hook.js';
import { type Finding, fail, ok, warn } from './finding.js';

/** How long a connection may take, ms. */
const connectMs = 5_000;

/** Whether what the hooks call is there. Nothing is called: programs are looked at, addresses connected to. */
export const examineHooks = (
  hooks: readonly Hook[],
  source: string,
  signal: AbortSignal,
): Promise<Finding[]> => Promise.all(hooks.map((hook) => examineHook(hook, source, signal)));

const examineHook = (hook: Hook, source: string, signal: AbortSignal): Promise<Finding> => {
  const check = `hook ${hook.name}`;
  switch (hook.type) {
    case 'command':
      return examineCommand(check, hook.argv[0] ?? '', source);
    case 'webhook':
      return examineAddress(check, addressOf(hook.url), signal);
    case 'socket':
      return examineAddress(check, hook.address, signal);
    case 'cdn-purge': {
      const url = hook.request === '{url}' ? hook.publicUrl : hook.request;
      return examineAddress(check, addressOf(url.replace(/\{\w*\}/g, 'x')), signal);
    }
  }
};

const examineCommand = async (check: string, program: string, source: string): Promise<Finding> => {
  const { PATH = '/usr/local/bin:/usr/bin:/bin' } = process.env;
  // It runs in the source.
  const places = program.includes('/')
    ? [resolve(source, program)]
    : PATH.split(delimiter).map((folder) => join(folder, program));
  let isThere = false;
  for (const place of places) {
    const found = await stat(place).catch(() => undefined);
    if (found?.isFile() !== true) continue;
    isThere = true;
    const mayRun = await access(place, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (mayRun) return ok(check, `${place} can be run`);
  }
  return isThere
    ? fail(check, `${program} may not be run by this user`, `chmod +x ${program}, or name another program`)
    : fail(check, `there is no ${program}`, 'install it, or correct argv of this hook');
};

const addressOf = (url: string): SocketAddress => {
  const { protocol, hostname, port } = new URL(url);
  const usual = protocol === 'https:' ? 443 : 80;
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? usual : Number(port) };
};

const examineAddress = async (
  check: string,
  address: SocketAddress,
  signal: AbortSignal,
): Promise<Finding> => {
  const place = 'path' in address ? address.path : `${address.host}:${address.port}`;
  const code = await connectionFault(address, signal);
  if (code === undefined) return ok(check, `${place} takes connections`);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return fail(
      check,
      `the name of ${place} can not be resolved: ${code}`,
      'correct it, or check the name service',
    );
  return warn(check, `${place} does not take connections: ${code}`, 'start what listens there');
};

/** The errno's name; `undefined`: it was accepted. */
const connectionFault = (address: NetConnectOpts, signal: AbortSignal): Promise<string | undefined> =>
  new Promise((settle) => {
    const socket = connect({ ...address, signal });
    const done = (code: string | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      settle(code);
    };
    const timer = setTimeout(() => done('ETIMEDOUT'), connectMs);
    socket.once('connect', () => done(undefined));
    socket.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.name));
  });
