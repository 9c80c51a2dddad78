import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { configText } from '../../../../src/config/import/config-text.js';
import { importLsyncd } from '../../../../src/config/import/lsyncd/import-lsyncd.js';
import type { RemarkKind } from '../../../../src/config/import/remark.js';
import { ConfigError } from '../../../../src/core/errors.js';
import { loadWritten } from '../../../support/written-config.js';

const lines: Readonly<Record<string, readonly string[]>> = {
  '/etc/lsyncd.exclude': ['# comment', '', '; other', '*.part', '+ *.keep', '- \xe7\xbc\xa9/'],
};

const imported = (name: string, files = lines) =>
  importLsyncd(readFileSync(`test/fixtures/lsyncd/${name}.lua`), `${name}.lua`, (path) => files[path]);

const events = { attrib: true, modify: false };

/** Fixture -> the new configurations and some of the lint. */
const results: readonly (readonly [
  string,
  readonly object[],
  ...(readonly [RemarkKind, line: number, RegExp])[],
])[] = [
  [
    'eight-targets',
    [
      {
        source: '/data/material',
        targets: [
          { url: 'rsync://10.0.0.64/market', passwordFile: '/etc/rsync.pas' },
          { url: 'rsync://sync@10.0.0.65:9381/market', bandwidthLimit: '2000k', rsync: { compress: false } },
          {
            url: 'ssh://deploy@dr.example:2222/srv/material',
            ssh: {
              identityFile: '/etc/keys/id',
              options: ['StrictHostKeyChecking=no', 'User=deploy', 'Compression=yes'],
            },
            bandwidthLimit: '5m',
            rsync: { compress: false, args: ['--no-owner', '--omit-dir-times'] },
          },
          { url: '/backup/material', rsync: { compress: false } },
        ],
        exclude: ['*.tmp', '.svn'],
        delete: true,
        rsync: { compress: true },
        events: { attrib: true, modify: true },
        maxRsyncs: 8,
      },
    ],
    ['dropped', 3, /settings\.logfile/],
    ['carried', 6, /settings\.inotifyMode/],
    ['carried', 7, /settings\.maxProcesses: running rsyncs/],
    ['dropped', 8, /settings\.insist/],
    ['not carried', 10, /settings\.fancy: imgsync-fast has nothing like it \(3\)/],
    ['dropped', 16, /sync\.delay: changes are not gathered/],
    ['dropped', 20, /it stands there twice/],
    ['not carried', 22, /-T: these have no key/],
    ['carried', 28, /--no-owner/],
  ],
  [
    'all-keys',
    [
      {
        source: '/data/site',
        targets: [{ url: 'ssh://web@web2:2222/srv/site', ssh: { options: ['BatchMode=yes'] } }],
        include: ['keep.bak', '*.keep'],
        exclude: ['/cache/', '*.bak', '*.part', '缩/'],
        delete: false,
        rsync: {
          path: '/usr/local/bin/rsync',
          timeoutSeconds: 30,
          wholeFile: true,
          chmod: 'D755,F644',
          tempDir: '/srv/tmp',
          args: ['--no-links'],
        },
        fullSync: { schedule: '1 0 3 * * *' },
        crossMounts: false,
        initialSync: false,
        batch: { parallel: 4, bigFileBytes: 31_457_280 },
        events,
      },
    ],
    ['not carried', 5, /maxProcesses: expected a number of processes, found 0/],
    ['not carried', 8, /-v: these have no key/],
    ['not carried', 12, /"running": deletes are done always or never/],
    ['carried', 13, /what changed while imgsync-fast was down stays different/],
    ['changed', 20, /\+ keep\.bak: it stood behind an exclude/],
    ['not carried', 20, /merge \/etc\/rules/],
    ['carried', 21, /crontab 1 0 3 .*compared with the source/],
    ['not carried', 21, /crontab 0 0 12 .*one schedule/],
    ['not carried', 22, /tunnel/],
    ['not carried', 25, /prepare/],
    ['dropped', 26, /--update: .*older picture/],
    ['not carried', 26, /--existing is refused/],
    ['changed', 26, /sync\.rsync --group --owner --devices: was not given/],
  ],
  [
    'other-trees',
    [
      {
        source: '/data/a',
        targets: ['rsync://[2001:db8::1]/a'],
        exclude: [],
        delete: true,
        events,
        stateDir: '/var/lib/imgsync-fast/a',
      },
      {
        source: '/data/a',
        targets: ['rsync://h2/a'],
        exclude: [],
        delete: false,
        events,
        stateDir: '/var/lib/imgsync-fast/a-2',
      },
      { source: '/data/b', targets: ['/backup/b'], exclude: [], delete: false, events },
    ],
    ['not carried', 4, /only default\.rsync, default\.rsyncssh and default\.direct/],
    ['not carried', 6, /it is a program/],
  ],
  [
    'owners',
    [
      {
        source: '/data/site',
        targets: [
          { url: 'rsync://h1/site', rsync: { chmod: 'F644' } },
          { url: 'rsync://h2/site', rsync: { checksum: false, args: [] } },
          { url: 'rsync://h3/site', rsync: { fsync: true, args: [] } },
        ],
        exclude: [],
        delete: true,
        rsync: { checksum: true, args: ['--numeric-ids'] },
        events,
      },
    ],
    ['not carried', 5, /crontab never: expected a schedule/],
  ],
  [
    'gbk',
    [{ source: '/data/图片', targets: ['rsync://h/m'], exclude: [], delete: true, events }],
    ['changed', 2, /图片.*the bytes of GBK/],
  ],
];

for (const [name, settings, ...remarks] of results) {
  test(`${name}.lua becomes ${settings.length} configurations`, () => {
    const configs = imported(name);
    assert.deepEqual(
      configs.map((config) => config.settings),
      settings,
    );
    const all = configs.flatMap((config) => config.remarks);
    for (const [kind, line, text] of remarks)
      assert.ok(
        all.some(
          (remark) =>
            remark.kind === kind && remark.line === line && text.test(`${remark.about}: ${remark.message}`),
        ),
        `${kind} in line ${line} ${text}: ${JSON.stringify(all, undefined, 1)}`,
      );
  });

  test(`what is written for ${name}.lua loads`, async (t) => {
    for (const config of imported(name)) {
      const { source, loaded } = await loadWritten(
        t,
        configText(config, `${name}.lua`),
        config.settings.source,
      );
      assert.equal(loaded.source, source);
      assert.equal(loaded.targets.length, config.settings.targets.length);
    }
  });
}

test('a file of excludes that can not be read is named', () => {
  const [config] = imported('all-keys', {});
  assert.deepEqual(config?.settings.exclude, ['/cache/', '*.bak']);
  assert.ok(config?.remarks.some(({ line, message }) => line === 19 && /can't be read/.test(message)));
});

for (const [name, ...faults] of [
  ['broken', "4:5: broken Lua: '}' expected near 'target'"],
  ['no-sync', '1:1: there is no sync { default.rsync, … } in it: nothing is replicated'],
  [
    'loop',
    '2:1: a sync in a loop, a condition or a function: nothing is run here, write out each sync { … }',
  ],
  [
    'faults',
    '1:6: sync.source: expected the absolute path of a directory',
    '2:6: sync.source: expected the absolute path of a directory',
    '3:6: sync.target: expected rsync://host/module, host::module, host:/path or a local path',
    '4:6: sync: "relative" is relative to a home directory: write the absolute path',
    '5:6: sync: expected rsync://[user@]host[:port]/module[/path], ssh://[user@]host[:port]/path or an absolute local path',
    '6:23: sync.source: expected a text, found what Lua would have to compute: nothing is run here, write the value itself',
    '7:6: sync: default.rsyncssh needs the texts host and targetdir',
    '8:6: sync.rsync.rsh: speaks to an rsync daemon through a remote shell, which imgsync-fast does not do: choose rsync:// or ssh:// and correct it',
    '9:6: sync: the module is missing: expected rsync://[user@]host[:port]/module[/path]',
    '10:58: sync.rsync: expected a table, found true',
    '11:68: sync.rsync.timeout: expected a value, found what Lua would have to compute: nothing is run here, write the value itself',
  ],
] as const)
  test(`${name}.lua is refused with line and column`, () => {
    assert.throws(
      () => imported(name),
      (error: unknown) => {
        assert.ok(error instanceof ConfigError);
        assert.deepEqual(
          error.message.split('\n'),
          faults.map((fault) => `${name}.lua:${fault}`),
        );
        return true;
      },
    );
  });
