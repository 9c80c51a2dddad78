import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { configText } from '../../../../src/config/import/config-text.js';
import type { RemarkKind } from '../../../../src/config/import/remark.js';
import { importSersync } from '../../../../src/config/import/sersync/import-sersync.js';
import { ConfigError } from '../../../../src/core/errors.js';
import { loadWritten } from '../../../support/written-config.js';

const imported = (name: string) =>
  importSersync(readFileSync(`test/fixtures/sersync/${name}.xml`), `${name}.xml`);

const only = (name: string) => {
  const { configs } = imported(name);
  assert.equal(configs.length, 1);
  const [config] = configs;
  assert.ok(config !== undefined);
  return config;
};

const seedTargets = [64, 65, 66, 67, 68, 69, 70, 71].map((host) => `rsync://x.x.x.${host}:9381/market`);
const seed = {
  source: '/applications/mios-market-config-rest/material',
  targets: seedTargets,
  exclude: [],
  delete: true,
  rsync: { timeoutSeconds: 60, compress: true },
  events: { attrib: true, modify: false },
};
const plain = {
  exclude: [],
  delete: true,
  rsync: { timeoutSeconds: 60 },
  events: { attrib: true, modify: false },
};
const site = { source: '/data/site', targets: ['rsync://10.0.0.1/site'] };

/** Fixture -> the new configuration and some of the lint. */
const results: readonly (readonly [string, object, ...(readonly [RemarkKind, line: number, RegExp])[]])[] = [
  [
    'seed',
    seed,
    ['dropped', 4, /^host: sersync itself makes no use/],
    ['dropped', 7, /switched off.*"exclude": \["\*\.svn","\*\.gz","\/info","\/static"\]/],
    ['carried', 15, /delete start="true"/],
    ['changed', 17, /createFile start="false".*hard links, symbolic links/],
    ['changed', 21, /attrib start="false"/],
    ['changed', 25, /dot in front.*full sync/],
    ['dropped', 39, /commonParams -u: .*older picture/],
    ['carried', 39, /commonParams -z: .*do not get smaller/],
    ['carried', 39, /commonParams -a -r -t: .*within the same second/],
    ['dropped', 40, /^auth: it was switched off/],
    ['carried', 41, /userDefinedPort 9381/],
    ['changed', 42, /timeout start="false".*60 s now/],
    ['dropped', 45, /chmod 777/],
    ['dropped', 46, /^crontab: it was switched off/],
  ],
  ['crlf', seed, ['changed', 17, /createFile/]],
  ['gbk-declared', seed, ['changed', 17, /createFile/]],
  [
    'gbk-undeclared',
    { ...seed, source: '/data/图片', exclude: ['*.svn', '缩略图/*', '/info', '/static'] },
    ['carried', 1, /encoding="ISO-8859-1": the file is in GBK/],
    ['changed', 9, /缩略图.*the bytes of GBK/],
    ['changed', 26, /图片.*the bytes of GBK/],
  ],
  [
    'iso-8859-1',
    { ...plain, source: '/données/créées', targets: ['rsync://10.0.0.1/images'] },
    ['changed', 6, /données.*the bytes of ISO-8859-1/],
  ],
  [
    'utf-8-bom',
    {
      ...plain,
      source: '/data/图片',
      targets: ['rsync://10.0.0.1/%E5%9B%BE%E7%89%87'],
      exclude: ['/临时/*'],
    },
    ['carried', 3, /临时/],
  ],
  [
    'filters',
    {
      ...site,
      exclude: ['*.svn', '*.gz', '*.bz2', '/info', '/static/*', 'cache/*', 'info/*'],
      delete: true,
      rsync: { timeoutSeconds: 100, compress: true },
      events: { attrib: true, modify: true },
      fullSync: { schedule: '0 */8 * * *' },
    },
    ['changed', 3, /^filter: it was for changes only/],
    ['carried', 5, /"\*\.gz", "\*\.bz2"/],
    ['not carried', 9, /look-ahead/],
    ['not carried', 10, /"\*\.php": it is no regular expression/],
    ['not carried', 11, /can't repeat/],
    ['carried', 16, /createFile start="true"/],
    ['changed', 21, /modify/],
    ['carried', 27, /100 s/],
    ['changed', 29, /every 600 minutes: "0 \*\/8 \* \* \*"/],
    ['carried', 30, /part of the one list/],
  ],
  [
    'crontab-filter-alone',
    { ...plain, ...site, fullSync: { schedule: '0 */8 * * *' } },
    ['dropped', 3, /"exclude": \["\*\.gz"\]/],
    ['changed', 7, /every 600 minutes/],
    ['changed', 8, /only the full sync left these out/],
  ],
  [
    'ssh',
    {
      ...plain,
      source: '/data/site',
      targets: ['ssh://deploy@10.0.0.1:2222/srv/my%20site', 'ssh://deploy@[fe80::1]:2222/srv/site'].map(
        (url) => ({
          url,
          ssh: { identityFile: '/etc/keys/id', options: ['StrictHostKeyChecking=no', 'Compression=yes'] },
        }),
      ),
      rsync: { timeoutSeconds: 60, compress: true },
    },
    ['changed', 10, /-e "ssh -p 2222.*stood behind it and won/],
    ['not carried', 10, /-e ssh -q/],
    ['carried', 11, /no use for the password file/],
    ['dropped', 12, /port of an rsync daemon/],
  ],
  [
    'auth',
    {
      source: '/data/site',
      targets: [
        'rsync://sync-user@img1.example.com/site/pictures',
        'rsync://sync-user@[2001:db8::2]/site',
      ].map((url) => ({ url, passwordFile: '/etc/rsync.pas', bandwidthLimit: '500k' })),
      include: ['keep.bak'],
      exclude: ['*.bak'],
      delete: false,
      rsync: {
        timeoutSeconds: 30,
        compress: true,
        wholeFile: true,
        chmod: 'D755,F644',
        args: ['--hard-links'],
      },
      events: { attrib: true, modify: false },
      log: { level: 'debug' },
    },
    ['carried', 5, /nothing is deleted, although commonParams holds --delete/],
    ['dropped', 14, /-P: .*under its final name/],
    ['not carried', 14, /--size-only is refused/],
    ['not carried', 14, /--max-delete=100/],
    ['changed', 14, /--exclude \+ keep\.bak: it stood behind an exclude/],
    ['changed', 14, /--links --perms --group --owner --devices: was not given/],
    ['carried', 15, /mode 0600/],
  ],
  [
    'plugins',
    {
      ...plain,
      ...site,
      hooks: [
        {
          type: 'cdn-purge',
          publicUrl: 'http://pic.example.com/cms/{path}',
          request: 'http://cdn.example.com/index.jsp?user=name&pswd={secret}&ok=ok&urls={urls}',
          method: 'HEAD',
          secretFile: '/etc/imgsync-fast/cdn-secret',
        },
      ],
    },
    ['dropped', 8, /plugin command: it was not switched on; sersync -m .* --hooks-only/],
    ['changed', 15, /plugin refreshCDN \(.*base="http:\/\/pic\.example\.com\/cms".*: the same request/],
  ],
  [
    'command-plugin',
    {
      ...plain,
      ...site,
      hooks: [
        {
          type: 'command',
          argv: ['/opt/after.sh', '{paths}', 'done'],
          when: 'all',
          only: ['*.php'],
          maxPaths: 1,
        },
      ],
    },
    ['changed', 8, /prefix="\/opt\/after\.sh".*a name with a backtick ran/],
  ],
  [
    'minimal',
    { ...plain, ...site, delete: false },
    ['carried', 1, /inotify without delete: nothing is deleted/],
  ],
  [
    'unknown-elements',
    { ...plain, ...site, delete: false, events: { attrib: true, modify: true }, log: { level: 'debug' } },
    ['dropped', 2, /sersync does not know flavour/],
    ['carried', 5, /delete start="True": nothing is deleted/],
    ['dropped', 6, /closeWrites/],
    ['dropped', 8, /<inotify\/modify>: sersync reads only the first/],
    ['dropped', 11, /recursive/],
    ['dropped', 11, /remote port/],
    ['dropped', 12, /cluster/],
  ],
  [
    'comments-everywhere',
    { ...plain, source: '/data/a&b', targets: ['rsync://10.0.0.1/site'] },
    ['carried', 6, /delete start="true"/],
  ],
];

for (const [name, settings, ...remarks] of results) {
  test(`${name}.xml becomes a configuration`, () => {
    const config = only(name);
    assert.deepEqual(config.settings, settings);
    for (const [kind, line, text] of remarks)
      assert.ok(
        config.remarks.some(
          (remark) =>
            remark.kind === kind && remark.line === line && text.test(`${remark.about}: ${remark.message}`),
        ),
        `${kind} in line ${line} ${text}: ${JSON.stringify(config.remarks, undefined, 1)}`,
      );
  });

  test(`what is written for ${name}.xml loads and means the same`, async (t) => {
    const config = only(name);
    const { source, loaded } = await loadWritten(
      t,
      configText(config, `${name}.xml`),
      config.settings.source,
    );
    assert.equal(loaded.source, source);
    assert.deepEqual(
      loaded.targets.map(({ url }) => url),
      config.settings.targets.map((target) => (typeof target === 'string' ? target : target.url)),
    );
    assert.equal(loaded.delete.enabled, config.settings.delete);
  });
}

test('the password of a CDN is in neither the lint nor the configuration', () => {
  const config = only('plugins');
  assert.doesNotMatch(JSON.stringify(config) + configText(config, 'plugins.xml'), /s3cret/);
});

test('several localpaths become configurations with names and states of their own', async (t) => {
  const { configs } = imported('two-localpaths');
  assert.deepEqual(
    configs.map(({ name, settings }) => ({ name, ...settings })),
    [
      {
        name: 'material',
        ...plain,
        source: '/data/one/material',
        targets: ['rsync://10.0.0.1/one', 'rsync://10.0.0.2/one'],
      },
      {
        name: 'material-2',
        ...plain,
        source: '/data/two/material',
        targets: ['rsync://10.0.0.1/two'],
        stateDir: '/var/lib/imgsync-fast/material-2',
      },
      {
        name: 'material-3',
        ...plain,
        source: '/data/two/material',
        targets: ['rsync://10.0.0.9/other'],
        stateDir: '/var/lib/imgsync-fast/material-3',
      },
    ],
  );
  const [first, second] = configs.map(({ remarks }) =>
    remarks.map(({ line, message }) => `${line}: ${message}`),
  );
  assert.ok(first?.includes('8: it stands there twice'));
  assert.ok(second?.some((line) => /^10: sersync replicates only the first localpath/.test(line)));
  for (const config of configs) await loadWritten(t, configText(config, 'two.xml'), config.settings.source);
});

for (const [name, ...lines] of [
  ['broken-tag', '57:8: broken XML: unexpected close tag'],
  ['broken-quote', '30:21: broken XML: unquoted attribute value'],
  ['broken-end', '38:5: broken XML: unclosed tag: sersync'],
  ['broken-entity', '40:37: broken XML: an & is written &amp;'],
  ['empty', '1:1: broken XML: document must contain a root element'],
  ['other-root', '3:1: expected <head> of sersync, found <project>'],
  ['no-sersync', '2:1: there is no <localpath watch="…"> in <sersync>: nothing is replicated'],
  ['no-localpath', '3:3: there is no <localpath watch="…"> in <sersync>: nothing is replicated'],
  [
    'no-names',
    '5:9: expected the absolute path of a directory in watch="…"',
    '6:13: remote: expected ip="…" and name="…"',
    '7:13: remote: expected ip="…" and name="…"',
    '8:13: remote: expected host[:port]; an IPv6 address stands in brackets: rsync://[2001:db8::1]/module',
    '9:13: remote: the host is no valid name or address',
    '10:13: remote: expected a port from 1 to 65535 behind the host',
    '12:9: there is no <remote ip="…" name="…"/> in it: expected at least one target',
  ],
  [
    'ssh-relative',
    '5:39: remote: with ssh its name is a path, and "site" is relative to a home directory: write the absolute path',
  ],
  [
    'shell-without-ssh',
    '7:13: -e "ssh -p 22" without <ssh start="true"/> speaks to an rsync daemon through a remote shell, which imgsync-fast does not do: choose rsync:// or ssh:// and correct it',
  ],
  [
    'relative-key',
    '5:9: /targets/0/ssh/identityFile of the new configuration: expected the absolute path of the private key',
  ],
] as const)
  test(`${name}.xml is refused with line and column`, () => {
    assert.throws(
      () => imported(name),
      (error: unknown) => {
        assert.ok(error instanceof ConfigError);
        assert.deepEqual(
          error.message.split('\n'),
          lines.map((line) => `${name}.xml:${line}`),
        );
        return true;
      },
    );
  });
