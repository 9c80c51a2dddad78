import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importSersync } from '../../../../src/config/import/sersync/import-sersync.js';

const xml = (inner: string, block: string): string => `<?xml version="1.0" encoding="UTF-8"?>
<head version="2.5">
<inotify><delete start="true"/></inotify>
<sersync><localpath watch="/data/site/"><remote ip="10.0.0.1" name="site"/></localpath>${inner}</sersync>
${block}
</head>`;
const imported = (inner: string, block = '') => {
  const [config] = importSersync(Buffer.from(xml(inner, block)), 'confxml.xml').configs;
  assert.ok(config !== undefined);
  return config;
};
const plugin = (name: string, block: string) =>
  imported(`<plugin start="true" name="${name}"/>`, `<plugin name="${name}">${block}</plugin>`);

const cdn = (regex: string, watch = '/data/site') =>
  `<localpath watch="${watch}"><cdninfo domainname="cdn" port="8080" username="a b" passwd="s3cret"/><sendurl base="pic.example.com/"/><regexurl regex="${regex}" match="x"/></localpath>`;

/** Plugin and its block -> the hook, or why there is none. */
const plugins: readonly (readonly [name: string, block: string, hook: object | RegExp])[] = [
  [
    'command',
    '<param prefix="/bin/sh -x \'/opt/my script\'" suffix="&gt; /tmp/log" ignoreError="true"/>',
    {
      type: 'command',
      argv: ['/bin/sh', '-x', '/opt/my script', '{paths}', '>', '/tmp/log'],
      when: 'all',
      maxPaths: 1,
    },
  ],
  ['command', '<param prefix="" suffix="x"/>', /changed file itself was run/],
  [
    'command',
    '<param prefix="/x"/><filter start="true"><include expression="(a+)b"/></filter>',
    /its filter "\(a\+\)b" is no pattern of rsync/,
  ],
  ['command', '<param prefix="/x"/><filter start="true"></filter>', /lets nothing through/],
  [
    'socket',
    '<localpath watch="/x"><deshost ip="192.168.138.20" port="8009"/></localpath>',
    { type: 'socket', address: 'tcp://192.168.138.20:8009', when: 'all', maxPaths: 1 },
  ],
  ['socket', '<localpath watch="/x"><deshost ip="" port="8009"/></localpath>', /expected <deshost ip/],
  [
    'http',
    '<localpath watch="/x"><deshost url="http://localhost/x" port="80"/></localpath>',
    { type: 'webhook', url: 'http://localhost/x', when: 'all' },
  ],
  ['http', '<localpath watch="/x"/>', /expected <deshost url/],
  [
    'refreshCDN',
    cdn('false'),
    {
      type: 'cdn-purge',
      publicUrl: 'http://pic.example.com/{path}',
      request: 'http://cdn:8080/index.jsp?user=a%20b&pswd={secret}&ok=ok&urls={urls}',
      method: 'HEAD',
      secretFile: '/etc/imgsync-fast/cdn-secret',
    },
  ],
  ['refreshCDN', cdn('true'), /cut out of the path by an expression/],
  ['refreshCDN', cdn('false', '/data/other/'), /it is for \/data\/other, which is not replicated/],
  ['refreshCDN', '', /expected <cdninfo/],
  ['unheard', '', /has no such plugin/],
];
for (const [name, block, expected] of plugins)
  test(`plugin ${name} ${block.slice(0, 60)}`, () => {
    const { settings, remarks } = plugin(name, block);
    const remark = remarks.find(({ about }) => about.startsWith(`plugin ${name}`));
    assert.ok(remark !== undefined);
    assert.doesNotMatch(JSON.stringify({ settings, remarks }), /s3cret/);
    if (!(expected instanceof RegExp)) {
      assert.deepEqual(settings.hooks, [expected]);
      assert.equal(remark.kind, 'changed');
      return;
    }
    assert.match(remark.message, expected);
    assert.equal(remark.kind, 'not carried');
    assert.equal(settings.hooks, undefined);
  });

/** Minutes -> fields of cron, and whether they say the same. */
const schedules: readonly (readonly [minutes: string, schedule: string, kind: 'carried' | 'changed'])[] = [
  ['1', '* * * * *', 'carried'],
  ['10', '*/10 * * * *', 'carried'],
  ['45', '*/30 * * * *', 'changed'],
  ['60', '0 * * * *', 'carried'],
  ['90', '0 * * * *', 'changed'],
  ['600', '0 */8 * * *', 'changed'],
  ['720', '0 */12 * * *', 'carried'],
  ['1440', '0 0 * * *', 'carried'],
  ['2880', '0 0 * * *', 'changed'],
  ['10080', '0 0 * * 0', 'carried'],
  ['x', '0 */8 * * *', 'changed'],
];
for (const [minutes, schedule, kind] of schedules)
  test(`crontab every ${minutes} minutes is ${schedule}`, () => {
    const { settings, remarks } = imported(`<crontab start="true" schedule="${minutes}"/>`);
    assert.deepEqual(settings.fullSync, { schedule });
    assert.equal(remarks.find(({ about }) => about.startsWith('crontab'))?.kind, kind);
  });

test('a crontab that was switched off is no full sync', () => {
  assert.equal(imported('<crontab start="false" schedule="60"/>').settings.fullSync, undefined);
});
