import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { startGroup } from './process-group.js';
import { run } from './run.js';
import type { Scope } from './scope.js';
import { tempDirectory } from './temp-tree.js';
import { waitFor } from './wait-for.js';

export interface SshServer {
  readonly port: number;
  readonly user: string;
  readonly identityFile: string;
  readonly knownHostsFile: string;
  /** How often somebody logged in. */
  logins(): number;
}

/** A real sshd on the loopback address with keys of its own; it lets in the user of the tests alone. */
export const sshServer = async (scope: Scope): Promise<SshServer> => {
  const folder = tempDirectory(scope, 'ssh');
  const port = await freePort();
  const [hostKey, identityFile, knownHostsFile] = ['host', 'id', 'known_hosts'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  for (const file of [hostKey, identityFile])
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
  writeFileSync(join(folder, 'authorized'), readFileSync(`${identityFile}.pub`));
  const publicHostKey = readFileSync(`${hostKey}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
  writeFileSync(knownHostsFile, `[127.0.0.1]:${port} ${publicHostKey}\n`);
  const lines = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${join(folder, 'authorized')}`,
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin yes',
    'StrictModes no',
    'UsePAM no',
    'PidFile none',
  ];
  writeFileSync(join(folder, 'sshd_config'), `${lines.join('\n')}\n`);
  // As root sshd wants an empty directory for its unprivileged half; packages make it only when the service starts.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  const output = openSync(join(folder, 'output'), 'a');
  const group = startGroup(scope, '/usr/sbin/sshd', ['-D', '-e', '-f', join(folder, 'sshd_config')], {
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  await waitFor(
    () => {
      if (group.ending !== undefined)
        throw new Error(`sshd ended: ${readFileSync(join(folder, 'output'), 'utf8')}`);
      return answers(port);
    },
    { what: 'sshd' },
  );
  return {
    port,
    user: userInfo().username,
    identityFile,
    knownHostsFile,
    logins: () => readFileSync(join(folder, 'output'), 'utf8').split('Accepted publickey').length - 1,
  };
};

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const settle = (isUp: boolean) => {
      socket.destroy();
      resolve(isUp);
    };
    socket.once('data', (greeting) => settle(greeting.toString('latin1').startsWith('SSH-')));
    socket.once('error', () => settle(false));
    socket.once('close', () => settle(false));
  });
