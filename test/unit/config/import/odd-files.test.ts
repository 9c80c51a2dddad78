import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importLsyncd } from '../../../../src/config/import/lsyncd/import-lsyncd.js';
import { importSersync } from '../../../../src/config/import/sersync/import-sersync.js';
import { ConfigError } from '../../../../src/core/errors.js';

interface Parts {
  readonly start?: string;
  readonly watch?: string;
  readonly ip?: string;
  readonly filter?: string;
  readonly more?: string;
}
const xml = ({ start = '', watch = '/data', ip = '10.0.0.1', filter = '', more = '' }: Parts): string =>
  `${start}<head>${filter}<sersync><localpath watch='${watch}'><remote ip="${ip}" name="m"/></localpath>${more}</sersync></head>`;

const sersync = (text: string | Buffer) => importSersync(Buffer.from(text), 'x.xml');
const lsyncd = (text: string | Buffer) => importLsyncd(Buffer.from(text), 'x.lua', () => undefined);

const nested = (open: string, close: string, depth: number, inner = ''): string =>
  open.repeat(depth) + inner + close.repeat(depth);

for (const [what, text, source, target = 'rsync://10.0.0.1/m'] of [
  [
    'entities and quotes in single quotes',
    xml({ watch: '/a&amp;b &lt;x&gt; "q" &#x56fe;&#29255;' }),
    '/a&b <x> "q" 图片',
  ],
  ['CDATA full of markup', xml({ more: '<![CDATA[<localpath watch="/evil"> & <]]>' }), '/data'],
  ['a mark of UTF-8 before the declaration', `\ufeff${xml({ start: '<?xml version="1.0"?>' })}`, '/data'],
  ['UTF-16 with its mark', Buffer.from(`\ufeff${xml({ watch: '/图片' })}`, 'utf16le'), '/图片'],
  ['elements that nobody knows, very deep', xml({ more: nested('<a>', '</a>', 50_000) }), '/data'],
  [
    'a localpath in an element that nobody knows',
    xml({ more: '<old><localpath watch="/evil"/></old>' }),
    '/data',
  ],
  [
    'an expression in 5,000 groups',
    xml({ filter: `<filter start="true"><exclude expression="${nested('(', ')', 5_000, 'a')}"/></filter>` }),
    '/data',
  ],
  ['a comment of 5 MB', xml({ more: `<!-- ${'x -- '.repeat(1_000_000)} -->` }), '/data'],
  ['an address with a zone', xml({ ip: 'fe80::1%eth0' }), '/data', 'rsync://[fe80::1%25eth0]/m'],
] as const)
  test(`XML with ${what}`, () => {
    const [config] = sersync(text).configs;
    assert.equal(config?.settings.source, source);
    assert.deepEqual(config?.settings.targets, [target]);
  });

for (const [what, text, message] of [
  ['nothing in it', '', 'x.xml:1:1: broken XML: document must contain a root element'],
  ['blanks alone', ' \n\n', 'x.xml:3:1: broken XML: document must contain a root element'],
  ['the mark of UTF-8 alone', '\ufeff', 'x.xml:1:1: broken XML: document must contain a root element'],
  ['an attribute twice', xml({ more: '<failLog path="a" path="b"/>' }), /^x\.xml:1:\d+: broken XML: dupl/],
  ['a NUL', xml({ watch: '/a\0b' }), /^x\.xml:1:\d+: broken XML: disallowed character$/],
  ['a NUL as a number', xml({ watch: '/a&#0;b' }), /^x\.xml:1:\d+: broken XML: malformed character entity$/],
  [
    'a file of the machine in an entity',
    xml({ start: '<!DOCTYPE head [<!ENTITY f SYSTEM "file:///etc/passwd">]>', watch: '/&f;' }),
    'x.xml:1:92: broken XML: an & is written &amp;',
  ],
  ['two roots', xml({}) + xml({}), /^x\.xml:1:\d+: broken XML: documents may contain only one root$/],
  ['a page of the web', '<html></html>', 'x.xml:1:1: expected <head> of sersync, found <html>'],
] as const)
  test(`XML with ${what} is refused with its place`, () =>
    assert.throws(
      () => sersync(text),
      (error: Error) => isRefusal(error, message),
    ));

const isRefusal = (error: Error, message: string | RegExp): boolean => {
  assert.ok(error instanceof ConfigError, error.stack);
  if (typeof message === 'string') assert.equal(error.message, message);
  else assert.match(error.message, message);
  return true;
};

test('characters by number say nothing of bytes in a file of plain ASCII', () => {
  const { remarks } = sersync(xml({ watch: '/&#x56fe;' })).configs[0] ?? { remarks: [] };
  assert.ok(!remarks.some(({ message }) => /ASCII/.test(message)), JSON.stringify(remarks));
});

const sync = 'sync{default.rsync, source="/a", target="b::c"';
for (const [what, text, message] of [
  ['bytes that are no text', Buffer.from([0x40, 0xff, 0x00]), /^x\.lua:1:1: broken Lua: /],
  ['bytes behind empty lines', Buffer.from('\n\n  @'), /^x\.lua:3:3: broken Lua: /],
  ['a table in 100,000 tables', `x = ${nested('{', '}', 100_000)}`, /^x\.lua:1:1: broken Lua: .*too deep/],
  [
    'a sync with 5,000 tables',
    `${sync}, x=${nested('{', '}', 5_000)}}`,
    /^x\.lua:1:1: broken Lua: .*too deep/,
  ],
] as const)
  test(`Lua with ${what} is refused with its place`, () =>
    assert.throws(
      () => lsyncd(text),
      (error: Error) => isRefusal(error, message),
    ));

test('a key that stands twice counts as in Lua, and that is told', () => {
  const [config] = lsyncd(`${sync}, exclude="x",\n exclude={"y"}, delete=false, delete=true}`);
  assert.deepEqual([config?.settings.exclude, config?.settings.delete], [['y'], true]);
  assert.deepEqual(
    config?.remarks.filter(({ message }) => /twice/.test(message)).map(({ line, about }) => [line, about]),
    [
      [1, 'sync.exclude'],
      [2, 'sync.delete'],
    ],
  );
});
