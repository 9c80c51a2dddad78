import { setTimeout as pause } from 'node:timers/promises';
import type { TargetLocation } from '../core/target.js';
import { talk } from './daemon-greeting.js';
import { type Finding, fail, ok, warn } from './finding.js';
import { judgeProtocol } from './rsync-version.js';

export type DaemonLocation = Extract<TargetLocation, { readonly type: 'daemon' }>;

/** errno's name -> what to do. */
const remedies: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'start the rsync daemon there, or correct the port: 873 unless the URL names one'],
  ['ENOTFOUND', 'correct the host name, or check the name service'],
  ['EAI_AGAIN', 'check the name service'],
  ['EPROTO', 'something else listens at this port: correct the URL'],
  ['ETIMEDOUT', 'check the target and the network: is it frozen, or behind a firewall?'],
]);

/** Whether an rsync daemon answers there, and how new it is. */
export const greet = async (location: DaemonLocation, signal: AbortSignal): Promise<Finding> => {
  const { protocol, answer, fault, close } = await talk(location, undefined, signal);
  close();
  if (protocol !== undefined) return judgeProtocol('connection', protocol);
  const said = answer === undefined ? '' : ` (${answer.slice(0, 80)})`;
  const text = `no rsync daemon answers at ${location.host}:${location.port}: ${fault}${said}`;
  return fail('connection', text, remedies.get(fault ?? '') ?? 'check the network to this host');
};

/** Where rsync goes through a proxy, a connection of our own would tell nothing. */
export const isDirect = (): boolean =>
  process.env.RSYNC_PROXY === undefined && process.env.RSYNC_CONNECT_PROG === undefined;

/** Tries while a connection of an rsync that ended just now is not free yet, and the pause between them, ms. */
const mostTries = 10;
const pauseMs = 50;

/**
 * Takes as many connections of the module at a time as replication does at most, for a moment. A daemon counts them before
 * it asks for a password.
 */
export const examineConnections = async (
  location: DaemonLocation,
  wanted: number,
  signal: AbortSignal,
): Promise<Finding> => {
  const open: (() => void)[] = [];
  try {
    for (let tries = 1; open.length < wanted; ) {
      const { answer = '', fault, close } = await talk(location, location.module, signal);
      open.push(close);
      if (fault === undefined && !answer.startsWith('@ERROR')) continue;
      open.pop()?.();
      if (!/max connections/.test(answer) || tries++ === mostTries)
        return warn(
          'connections',
          `the module takes ${open.length} at a time, and up to ${wanted} are used: ${answer || fault}`,
          `set max connections = ${2 * wanted} in rsyncd.conf, or lower batch.parallel`,
        );
      await pause(pauseMs);
    }
    return ok('connections', `the module takes ${wanted} at a time, as many as are used at most`);
  } finally {
    for (const close of open) close();
  }
};
