import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Imgsync, startImgsync } from '../support/imgsync.js';
import { sshServer } from '../support/ssh-server.js';
import { tempDirectory, tempTree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

/** Processes of ssh that hold the sockets in a directory. */
const mastersIn = (stateDir: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
        return words.includes('ControlMaster=yes') && words.includes(`ControlPath=${stateDir}/ssh-`);
      } catch {
        return false; // It ended meanwhile.
      }
    })
    .map(Number);
const socketsIn = (stateDir: string): string[] =>
  readdirSync(stateDir).filter((name) => name.startsWith('ssh-'));

const start = async (t: TestContext, shareConnection: boolean, stateDir: string) => {
  const server = await sshServer(t);
  const { port, user, identityFile, knownHostsFile } = server;
  const source = tempTree(t, { 'a/f': '1' });
  const target = tempTree(t);
  const config = {
    source: source.path,
    // Without a standby each batch has an ssh of its own.
    standby: 'off',
    retry: { minMs: 50 },
    stateDir,
    targets: [
      {
        name: 'dr',
        url: `ssh://${user}@127.0.0.1:${port}${target.path}`,
        ssh: { identityFile, knownHostsFile, shareConnection },
      },
    ],
  };
  const begin = () => startImgsync(t, config);
  const imgsync = begin();
  await imgsync.ready();
  let written = 0;
  const write = async (times: number, running: Imgsync) => {
    for (let time = 0; time < times; time++) {
      source.write(`a/f${written++}`, String(written));
      await running.settled([target.path]);
    }
  };
  await write(1, imgsync);
  return { server, imgsync, begin, write };
};

test('without a shared connection each batch logs in', async (t) => {
  const stateDir = tempDirectory(t, 's');
  const { server, imgsync, write } = await start(t, false, stateDir);
  const before = server.logins();
  await write(5, imgsync);
  assert.ok(server.logins() - before >= 5, `${server.logins() - before} logins`);
  assert.deepEqual(socketsIn(stateDir), []);
});

test('a shared connection carries every batch; it is made again when it broke, and ends with the process', async (t) => {
  const stateDir = tempDirectory(t, 's');
  const { server, imgsync, begin, write } = await start(t, true, stateDir);
  const up = async (): Promise<number> => {
    await waitFor(() => socketsIn(stateDir).length === 1 && mastersIn(stateDir).length === 1, {
      what: 'the shared connection',
    });
    return mastersIn(stateDir)[0] ?? 0;
  };
  const first = await up();
  const before = server.logins();
  await write(5, imgsync);
  assert.equal(server.logins(), before);
  // Without it everything still arrives, and in a while it is there again.
  process.kill(first, 'SIGKILL');
  await waitFor(() => mastersIn(stateDir).length === 0, { what: 'its end' });
  await waitFor(
    async () => {
      await write(1, imgsync);
      return mastersIn(stateDir).length === 1;
    },
    { what: 'another connection' },
  );
  const second = await up();
  assert.notEqual(second, first);
  const later = server.logins();
  await write(3, imgsync);
  assert.equal(server.logins(), later);
  // A process that is killed leaves it behind; the next one ends it and makes its own.
  await imgsync.stop('SIGKILL');
  assert.deepEqual(mastersIn(stateDir), [second]);
  const next = begin();
  await next.ready();
  await write(1, next);
  assert.notEqual(await up(), second);
  await next.stop();
  assert.deepEqual(mastersIn(stateDir), []);
  assert.deepEqual(socketsIn(stateDir), []);
});

test('the longest path of a socket is one that ssh takes; a reload without the sharing ends the connection', async (t) => {
  const directory = tempDirectory(t, 's');
  const stateDir = join(directory, 'x'.repeat(72 - directory.length));
  assert.equal(`${stateDir}/ssh-123456789abc`.length, 90);
  const { imgsync, write } = await start(t, true, stateDir);
  await waitFor(() => socketsIn(stateDir).length === 1, { what: 'the shared connection' });
  const text = readFileSync(imgsync.file, 'utf8');
  writeFileSync(imgsync.file, text.replace('"shareConnection":true', '"shareConnection":false'));
  process.kill(imgsync.pid, 'SIGHUP');
  await imgsync.waitForLog(({ msg }) => msg === 'the configuration was read again', 'the reload');
  assert.deepEqual(mastersIn(stateDir), []);
  await write(2, imgsync);
  assert.deepEqual(socketsIn(stateDir), []);
});

test('a state directory too deep for a socket is told; all arrives without sharing', async (t) => {
  const stateDir = join(tempDirectory(t, 's'), 'deep'.repeat(20));
  const { imgsync, write } = await start(t, true, stateDir);
  const line = await imgsync.waitForLog(
    ({ msg }) => msg.startsWith('the ssh connection is not shared'),
    'a warning',
  );
  assert.equal(line.level, 'warn');
  assert.match(String(line.reason), /path of \d{3} bytes, and ssh takes 90: choose a shorter stateDir/);
  await write(2, imgsync);
  assert.deepEqual(socketsIn(stateDir), []);
});
