import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { imgsyncFast } from '../support/command-line.js';
import { startImgsync } from '../support/imgsync.js';
import { rsyncDaemon } from '../support/rsync-daemon.js';
import { tempDirectory, tempTree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

const password = 'pa55-word-of-nobody';

/** What every process shows of itself. */
const shownByProcesses = (): string =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        return ['cmdline', 'environ'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'latin1'));
      } catch {
        return [];
      }
    })
    .join('\n');

test('a password is in no command line, environment, log or status, right or wrong', async (t) => {
  const folder = tempDirectory(t, 'secrets');
  const [secrets, right, wrong] = ['secrets', 'right', 'wrong'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(secrets, `sync:${password}\n`, { mode: 0o600 });
  writeFileSync(right, `${password}\n`, { mode: 0o600 });
  writeFileSync(wrong, `${password}-no\n`, { mode: 0o600 });
  const daemons = [];
  for (let count = 0; count < 2; count++)
    daemons.push(await rsyncDaemon(t, { config: ['auth users = sync', `secrets file = ${secrets}`] }));
  const source = tempTree(t, { 'a.jpg': 'x' });
  const targets = daemons.map(({ url }, index) => ({
    name: `img${index}`,
    url: url.replace('rsync://', 'rsync://sync@'),
    passwordFile: index === 0 ? right : wrong,
    standby: 'on',
  }));
  const imgsync = startImgsync(t, { source: source.path, targets });
  await imgsync.waitForLog(({ code }) => code === 'AUTH_FAILED', 'refused password');
  await imgsync.settled(daemons.slice(0, 1).map(({ path }) => path));
  await imgsync.waitForLog(({ msg, status }) => msg === 'status' && status !== undefined, 'status');
  let processes = '';
  // The standby, which waits with the password given.
  await waitFor(
    () => {
      processes = shownByProcesses();
      return processes.includes(`--password-file=${right}`);
    },
    { what: 'the standby' },
  );
  for (const text of [processes, JSON.stringify(imgsync.logs), imgsync.output.join('\n')])
    assert.ok(!text.includes(password));
});

test('a password file that others can read is refused with the reason', (t) => {
  const file = join(tempDirectory(t, 'secrets'), 'password');
  writeFileSync(file, `${password}\n`);
  chmodSync(file, 0o644);
  const source = tempTree(t);
  const config = join(tempDirectory(t, 'config'), 'sync.json');
  writeFileSync(
    config,
    JSON.stringify({ source: source.path, targets: [{ url: 'rsync://sync@h/m', passwordFile: file }] }),
  );
  const { code, stderr } = imgsyncFast('check', '--config', config);
  assert.equal(code, 78);
  assert.match(stderr, /\/targets\/0\/passwordFile: .* is open to others: chmod 600 /);
  assert.ok(!stderr.includes(password));
});
