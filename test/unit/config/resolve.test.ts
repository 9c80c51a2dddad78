import assert from 'node:assert/strict';
import { chmod, chown, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { resolveConfig } from '../../../src/config/resolve.js';
import { ConfigError } from '../../../src/core/errors.js';

const isRoot = process.getuid?.() === 0;

/** A folder with an empty directory `source` in it. */
const folder = async (t: TestContext): Promise<string> => {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'config-')));
  t.after(() => rm(path, { recursive: true }));
  await mkdir(join(path, 'source'));
  return path;
};

const faultsOf = async (input: unknown): Promise<string[]> => {
  const error = await resolveConfig(input, 'the configuration').then(
    () => assert.fail('it was accepted'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ConfigError);
  return error.faults.map(({ pointer, message }) => `${pointer}: ${message}`);
};

test('everything but source and targets has a default', async (t) => {
  const source = join(await folder(t), 'source');
  const { stateDir, ...config } = await resolveConfig({ source, targets: ['rsync://h:9381/m'] }, 'word');
  assert.match(
    stateDir,
    isRoot ? /^\/var\/lib\/imgsync-fast\/source-[0-9a-f]{8}$/ : /imgsync-fast\/source-[0-9a-f]{8}$/,
  );
  assert.deepEqual(config, {
    file: 'word',
    source,
    targets: [
      {
        name: 'h:9381/m',
        url: 'rsync://h:9381/m',
        location: { type: 'daemon', host: 'h', port: 9381, user: undefined, module: 'm', path: '' },
        passwordFile: undefined,
        ssh: { identityFile: undefined, knownHostsFile: undefined, options: [] },
        standby: 'auto',
        bandwidthLimit: undefined,
        rsync: { path: 'rsync', timeoutSeconds: 60, compress: false, wholeFile: 'auto', args: [] },
      },
    ],
    rules: [],
    delete: { enabled: true, max: undefined, windowMs: 60_000 },
    events: { attrib: true, modify: false },
    batch: {
      maxPaths: 8192,
      lingerMs: 3,
      parallel: 2,
      bigFileBytes: 64 * 1024 ** 2,
      maxBytes: 256 * 1024 ** 2,
    },
    settleMs: 100,
    crossMounts: true,
    http: undefined,
    log: { level: 'info', pretty: 'auto', file: undefined },
    stopTimeoutSeconds: 10,
    retry: { minMs: 500, maxMs: 60_000, haltedMs: 15_000 },
    maxRsyncs: 8,
    changeLogLimitBytes: 64 * 1024 ** 2,
    initialSync: true,
    failLog: undefined,
    hooks: [],
    fullSync: undefined,
  });
});

test('the configuration is frozen in depth', async (t) => {
  const source = join(await folder(t), 'source');
  const config = await resolveConfig({ source, targets: [{ url: 'rsync://h/m' }], exclude: ['a'] }, 'word');
  const frozen = (value: unknown): boolean =>
    typeof value !== 'object' ||
    value === null ||
    (Object.isFrozen(value) && Object.values(value).every(frozen));
  assert.ok(frozen(config));
});

test('includes come before excludes, as bytes', async (t) => {
  const source = join(await folder(t), 'source');
  const { rules } = await resolveConfig(
    { source, targets: ['rsync://h/m'], exclude: ['*.tmp', '/图/'], include: ['keep.tmp'] },
    'word',
  );
  assert.deepEqual(rules, ['+ keep.tmp', '- *.tmp', `- /${Buffer.from('图').toString('latin1')}/`]);
});

test('a target overrides single keys of the rsync section', async (t) => {
  const source = join(await folder(t), 'source');
  const { targets } = await resolveConfig(
    {
      source,
      rsync: { timeoutSeconds: 30, args: ['--fsync'] },
      targets: [
        'rsync://a/m',
        { url: 'rsync://b/m', name: 'b', rsync: { compress: true, args: [] }, bandwidthLimit: '20m' },
      ],
    },
    'word',
  );
  assert.deepEqual(
    targets.map(({ name, rsync, bandwidthLimit }) => ({ name, bandwidthLimit, ...rsync })),
    [
      {
        name: 'a/m',
        bandwidthLimit: undefined,
        path: 'rsync',
        timeoutSeconds: 30,
        compress: false,
        wholeFile: 'auto',
        args: ['--fsync'],
      },
      {
        name: 'b',
        bandwidthLimit: '20m',
        path: 'rsync',
        timeoutSeconds: 30,
        compress: true,
        wholeFile: 'auto',
        args: [],
      },
    ],
  );
});

test('sizes, limits and addresses are turned into what the program works with', async (t) => {
  const root = await folder(t);
  const config = await resolveConfig(
    {
      $schema: './sync.schema.json',
      source: `${root}/source/`,
      targets: Array.from({ length: 20 }, (_, index) => `rsync://h${index}/m`),
      delete: { max: '20%', windowMs: 5_000 },
      batch: { bigFileBytes: 1000, maxBytes: '1g' },
      changeLogLimit: '128k',
      http: { listen: '[::1]:0' },
      log: { level: 'debug', pretty: false },
      stateDir: `${root}/state/`,
      failLog: `${root}/fail.log`,
    },
    'word',
  );
  assert.equal(config.source, `${root}/source`);
  assert.deepEqual(config.delete, { enabled: true, max: { percent: 20 }, windowMs: 5_000 });
  assert.equal(config.batch.bigFileBytes, 1000);
  assert.equal(config.batch.maxBytes, 1024 ** 3);
  assert.equal(config.batch.lingerMs, 3);
  assert.equal(config.changeLogLimitBytes, 131_072);
  assert.deepEqual(config.http, {
    listen: { host: '::1', port: 0 },
    tokenFile: undefined,
    allowedHosts: [],
    readyTargets: 1,
  });
  assert.equal(config.stateDir, `${root}/state`);
  assert.equal(config.failLog, `${root}/fail.log`);
  assert.equal(config.maxRsyncs, 32);
});

for (const [deletes, expected] of [
  [true, { enabled: true, max: undefined, windowMs: 60_000 }],
  [false, { enabled: false, max: undefined, windowMs: 60_000 }],
  [{}, { enabled: true, max: undefined, windowMs: 60_000 }],
  [{ max: 1000 }, { enabled: true, max: { count: 1000 }, windowMs: 60_000 }],
  [{ max: '100%' }, { enabled: true, max: { percent: 100 }, windowMs: 60_000 }],
] as const) {
  test(`delete: ${JSON.stringify(deletes)}`, async (t) => {
    const source = join(await folder(t), 'source');
    const config = await resolveConfig({ source, targets: ['rsync://h/m'], delete: deletes }, 'word');
    assert.deepEqual(config.delete, expected);
  });
}

const wrong: [what: string, change: object, expected: string[]][] = [
  ['an unknown key', { exlude: [] }, ['/exlude: unknown key; did you mean "exclude"?']],
  ['a key in the wrong case', { statedir: '/x' }, ['/statedir: unknown key; did you mean "stateDir"?']],
  [
    'an unknown key that is like no other',
    { retry: { quux: 1 } },
    ['/retry/quux: unknown key; known here are minMs, maxMs, haltedMs'],
  ],
  [
    'an unknown key of a target',
    { targets: [{ url: 'rsync://h/m', nmae: 'x' }] },
    ['/targets/0/nmae: unknown key; did you mean "name"?'],
  ],
  [
    'an unknown key deep in a target',
    { targets: [{ url: 'rsync://h/m', rsync: { arg: [] } }] },
    ['/targets/0/rsync/arg: unknown key; did you mean "args"?'],
  ],
  [
    'an unknown key of delete',
    { delete: { maximum: 5 } },
    ['/delete/maximum: unknown key; known here are max, windowMs'],
  ],
  [
    'no source',
    { source: undefined },
    ['/source: is missing: expected the absolute path of the directory to replicate'],
  ],
  ['no targets', { targets: undefined }, ['/targets: is missing: expected a list of targets']],
  ['an empty list of targets', { targets: [] }, ['/targets: expected at least one target, got a list']],
  [
    'a target of the wrong type',
    { targets: [5] },
    ['/targets/0: expected a URL or an object with a url, got 5'],
  ],
  [
    'a target without url',
    { targets: [{ name: 'x' }] },
    ['/targets/0/url: is missing: expected a URL or an absolute path'],
  ],
  [
    'a URL that is none',
    { targets: ['rsync://h/m', 'market'] },
    [
      '/targets/1: expected rsync://[user@]host[:port]/module[/path], ssh://[user@]host[:port]/path or an absolute local path',
    ],
  ],
  [
    'a relative source',
    { source: 'source' },
    ['/source: expected the absolute path of the directory to replicate'],
  ],
  ['a wrong type', { delete: 'yes' }, ['/delete: expected true, false or an object with max and windowMs']],
  ['a section that is a list', { batch: [] }, ['/batch: expected an object, got a list']],
  ['null', { events: { attrib: null } }, ['/events/attrib: expected true or false, got null']],
  [
    'a number out of range',
    { batch: { maxPaths: 0 } },
    ['/batch/maxPaths: expected a whole number of paths from 1 to 1000000, got 0'],
  ],
  ['a fraction', { settleMs: 1.5 }, ['/settleMs: expected a whole number of ms from 1 to 3600000, got 1.5']],
  [
    'a size that is none',
    { batch: { maxBytes: 'much' } },
    [
      '/batch/maxBytes: expected a size: bytes as a number, or a text such as "64m" (k, m, g, t: powers of 1024)',
    ],
  ],
  [
    'a size too small',
    { changeLogLimit: 5 },
    ['/changeLogLimit: expected a size of at least 65536 bytes, got 5'],
  ],
  [
    'a level that is none',
    { log: { level: 'loud' } },
    ['/log/level: expected one of "trace", "debug", "info", "warn", "error"'],
  ],
  [
    'a percentage above 100',
    { delete: { max: '101%' } },
    ['/delete/max: expected a whole number of entries from 0, or a percentage from "0%" to "100%"'],
  ],
  [
    'a longest pause below the first',
    { retry: { minMs: 5000, maxMs: 10 } },
    ['/retry/maxMs: expected minMs or more, got 10'],
  ],
  [
    'an address without port',
    { http: { listen: 'localhost' } },
    ['/http/listen: expected host:port, such as "127.0.0.1:9380" or "[::1]:9380"'],
  ],
  ['an empty pattern', { exclude: ['/'] }, ['/exclude/0: expected a pattern that names something']],
  [
    'a pattern with a line break',
    { exclude: ['a\nb'] },
    ['/exclude/0: a pattern holds no line break and no NUL'],
  ],
  [
    'a pattern with its sign',
    { include: ['+ a'] },
    [
      '/include/0: expected the pattern alone, without "+ " or "- ": includes and excludes are keys of their own',
    ],
  ],
  [
    'a refused option of rsync',
    { rsync: { args: ['--fsync', '-avn'] } },
    ['/rsync/args/1: -a (--archive) is refused: what is sent is chosen by imgsync-fast'],
  ],
  [
    'a refused option of a target',
    { targets: [{ url: 'rsync://h/m', rsync: { args: ['--delete'] } }] },
    ['/targets/0/rsync/args/0: --delete is refused: use the "delete" key'],
  ],
  [
    'a password file for ssh',
    { targets: [{ url: 'ssh://h/p', passwordFile: '/dev/null/x' }] },
    ['/targets/0/passwordFile: is for rsync:// targets only'],
  ],
  [
    'ssh keys for a daemon',
    { targets: [{ url: 'rsync://h/m', ssh: {} }] },
    ['/targets/0/ssh: is for ssh:// targets only'],
  ],
  [
    'a bandwidth without unit',
    { targets: [{ url: 'rsync://h/m', bandwidthLimit: '20' }] },
    [
      '/targets/0/bandwidthLimit: expected a rate with its unit, 1k or more: "20m" is 20 MiB/s, "500k" is 500 KiB/s',
    ],
  ],
  [
    'an ssh option without value',
    { targets: [{ url: 'ssh://h/p', ssh: { options: ['Compression'] } }] },
    ['/targets/0/ssh/options/0: expected an option of ssh_config(5) as "Key=Value"'],
  ],
  [
    'one name twice',
    {
      targets: [
        { url: 'rsync://a/m', name: 'x' },
        { url: 'rsync://b/m', name: 'x' },
      ],
    },
    ['/targets/1: its name x is that of /targets/0 already'],
  ],
  [
    'one place twice',
    { targets: ['rsync://h/m', 'rsync://u@h:873/m/'] },
    ['/targets/1: is the same place as /targets/0 (rsync://h/m): each would delete what the other sends'],
  ],
  [
    'a place inside another',
    { targets: ['ssh://h/p', 'ssh://h:22/p/q'] },
    ['/targets/1: lies inside /targets/0 (ssh://h/p): each would delete what the other sends'],
  ],
  [
    'a place around another',
    { targets: ['rsync://h/m/a/b', 'rsync://h/m/a'] },
    ['/targets/1: holds /targets/0 (rsync://h/m/a/b): each would delete what the other sends'],
  ],
  [
    'several faults at once',
    {
      targets: ['rsync://u:secret@h/m', 'rsync://h/m', 'rsync://h/m'],
      source: '/no/such/place',
      bathc: {},
      settleMs: 'x',
    },
    [
      '/settleMs: expected a whole number of ms from 1 to 3600000',
      '/targets/0: no password in the URL, where lists of processes and logs show it: put it in a file and name it with passwordFile',
      '/bathc: unknown key; did you mean "batch"?',
      '/source: /no/such/place: there is no such file or directory',
      '/targets/2: is the same place as /targets/1 (rsync://h/m): each would delete what the other sends',
    ],
  ],
];
for (const [what, change, expected] of wrong) {
  test(`refused: ${what}`, async (t) => {
    const source = join(await folder(t), 'source');
    const faults = await faultsOf({ source, targets: ['rsync://h/m'], ...change });
    // A passwordFile that is not there is a fault of its own.
    const others = faults.filter((fault) => !fault.includes('/dev/null/x'));
    assert.deepEqual(others.sort(), expected.sort());
  });
}

for (const input of [undefined, null, 5, 'x', []]) {
  test(`refused: ${JSON.stringify(input)} as the whole`, async () => {
    const [fault, ...others] = await faultsOf(input);
    assert.match(fault ?? '', /^: expected an object/);
    assert.deepEqual(others, []);
  });
}

test('refused: a source that is a file', async (t) => {
  const root = await folder(t);
  await writeFile(`${root}/file`, '');
  assert.deepEqual(await faultsOf({ source: `${root}/file`, targets: ['rsync://h/m'] }), [
    `/source: ${root}/file is not a directory`,
  ]);
});

test('source and local targets keep clear of each other, symbolic links resolved', async (t) => {
  const root = await folder(t);
  await mkdir(`${root}/backup`);
  await writeFile(`${root}/file`, '');
  await symlink('source', `${root}/link`);
  await symlink('backup', `${root}/other-name`);
  const faults = await faultsOf({
    source: `${root}/link`,
    targets: [
      `${root}/source`,
      `${root}/link/in`,
      root,
      `${root}/backup/a`,
      `${root}/other-name/a/b`,
      `${root}/file`,
    ],
    stateDir: `${root}/state`,
  });
  assert.deepEqual(faults, [
    `/targets/5: ${root}/file is not a directory`,
    `/targets/1: lies inside /targets/0 (${root}/source): each would delete what the other sends`,
    `/targets/2: holds /targets/0 (${root}/source): each would delete what the other sends`,
    `/targets/3: lies inside /targets/2 (${root}): each would delete what the other sends`,
    `/targets/4: lies inside /targets/2 (${root}): each would delete what the other sends`,
    `/targets/5: lies inside /targets/2 (${root}): each would delete what the other sends`,
    '/targets/0: is the source itself',
    '/targets/1: lies inside the source: it would be sent into itself',
    '/targets/2: holds the source, which its deletes would remove',
    `/stateDir: ${root}/state lies inside /targets/2, which would delete it: name another place`,
  ]);
});

test('a local target is resolved as far as it exists', async (t) => {
  const root = await folder(t);
  await mkdir(`${root}/backup`);
  await symlink('backup', `${root}/link`);
  const { targets } = await resolveConfig(
    { source: `${root}/source`, targets: [`${root}/link/new`] },
    'word',
  );
  assert.deepEqual(
    targets.map(({ name, url, location }) => ({ name, url, location })),
    [
      {
        name: `${root}/link/new`,
        url: `${root}/link/new`,
        location: { type: 'local', path: `${root}/backup/new` },
      },
    ],
  );
});

test('refused: own files inside the source', async (t) => {
  const root = await folder(t);
  await symlink('source', `${root}/link`);
  await writeFile(`${root}/state`, '');
  const targets = ['rsync://h/m'];
  const why = 'lies inside the source, where each write would be a change again: name another place';
  assert.deepEqual(
    await faultsOf({
      source: `${root}/source`,
      targets,
      stateDir: `${root}/link/s`,
      failLog: `${root}/source/f`,
      log: { file: `${root}/link/l` },
    }),
    [
      `/stateDir: ${root}/source/s ${why}`,
      `/failLog: ${root}/source/f ${why}`,
      `/log/file: ${root}/source/l ${why}`,
    ],
  );
  assert.deepEqual(await faultsOf({ source: `${root}/source`, targets, stateDir: `${root}/state` }), [
    `/stateDir: ${root}/state is not a directory`,
  ]);
});

test('a credential of systemd may show the right of its user as one of a group', async (t) => {
  const root = await folder(t);
  const file = `${root}/password`;
  await writeFile(file, 'secret\n');
  const input = { source: `${root}/source`, targets: [{ url: 'rsync://h/m', passwordFile: file }] };
  process.env.CREDENTIALS_DIRECTORY = root;
  t.after(() => delete process.env.CREDENTIALS_DIRECTORY);
  await chmod(file, 0o440);
  assert.equal((await resolveConfig(input, 'word')).targets[0]?.passwordFile, file);
  for (const mode of [0o444, 0o460, 0o404]) {
    await chmod(file, mode);
    assert.equal((await faultsOf(input)).length, 1, mode.toString(8));
  }
});

test('the file with the password is there, private and not empty', async (t) => {
  const root = await folder(t);
  const file = `${root}/password`;
  const input = { source: `${root}/source`, targets: [{ url: 'rsync://h/m', passwordFile: file }] };
  const pointer = '/targets/0/passwordFile';
  assert.deepEqual(await faultsOf(input), [`${pointer}: ${file}: there is no such file or directory`]);
  await writeFile(file, 'secret\n', { mode: 0o600 });
  assert.equal((await resolveConfig(input, 'word')).targets[0]?.passwordFile, file);
  for (const mode of [0o640, 0o604, 0o610]) {
    await chmod(file, mode);
    assert.deepEqual(await faultsOf(input), [`${pointer}: ${file} is open to others: chmod 600 ${file}`]);
  }
  await writeFile(file, '');
  await chmod(file, 0o600);
  assert.deepEqual(await faultsOf(input), [`${pointer}: ${file} is empty`]);
  await rm(file);
  await mkdir(file);
  assert.deepEqual(await faultsOf(input), [`${pointer}: ${file} is not a regular file`]);
});

test('the file with the token is there, private and long enough', async (t) => {
  const root = await folder(t);
  const tokenFile = `${root}/token`;
  const input = {
    source: `${root}/source`,
    targets: ['rsync://h/m'],
    http: { listen: '[::1]:0', tokenFile },
  };
  const pointer = '/http/tokenFile';
  assert.deepEqual(await faultsOf(input), [`${pointer}: ${tokenFile}: there is no such file or directory`]);
  await writeFile(tokenFile, 'short\n', { mode: 0o600 });
  assert.deepEqual(await faultsOf(input), [
    `${pointer}: ${tokenFile} has to begin with a line of 16 to 1024 characters`,
  ]);
  await writeFile(tokenFile, 'sixteen-or-more-of-them\n');
  assert.equal((await resolveConfig(input, 'word')).http?.tokenFile, tokenFile);
  await chmod(tokenFile, 0o640);
  assert.deepEqual(await faultsOf(input), [
    `${pointer}: ${tokenFile} is open to others: chmod 600 ${tokenFile}`,
  ]);
});

test('root has to own the file with the password', { skip: !isRoot }, async (t) => {
  const root = await folder(t);
  const file = `${root}/password`;
  await writeFile(file, 'secret\n', { mode: 0o600 });
  await chown(file, 65_534, 65_534);
  assert.deepEqual(
    await faultsOf({ source: `${root}/source`, targets: [{ url: 'rsync://h/m', passwordFile: file }] }),
    [`/targets/0/passwordFile: ${file} has to be owned by root, as whom this runs: chown root ${file}`],
  );
});
