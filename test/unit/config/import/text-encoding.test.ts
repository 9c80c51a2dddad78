import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeText } from '../../../../src/config/import/text-encoding.js';

const declared = (encoding: string) => Buffer.from(`<?xml version="1.0" encoding="${encoding}"?>`);
/** 图片服务器，监控 in GBK. */
const gbk = Buffer.from('cdbcc6acb7fecef1c6f7a3acbce0bfd8', 'hex');
/** 丂, beyond GB2312, in GBK. */
const rare = Buffer.from('8140', 'hex');
const latin1 = Buffer.from('un répertoire créé, à côté', 'latin1');

for (const [what, bytes, encoding, end] of [
  ['ASCII', Buffer.from('abc'), 'ASCII', 'abc'],
  [
    'UTF-8 that declares ISO-8859-1',
    Buffer.concat([declared('ISO-8859-1'), Buffer.from('图片')]),
    'UTF-8',
    '图片',
  ],
  ['UTF-8 with a mark', Buffer.from('\ufeffé'), 'UTF-8', 'é'],
  ['UTF-16', Buffer.from('\ufeff图', 'utf16le'), 'UTF-16', '图'],
  ['UTF-16, other order', Buffer.from('feff56fe', 'hex'), 'UTF-16', '图'],
  ['GBK that declares it', Buffer.concat([declared('gb2312'), rare]), 'GBK', '丂'],
  [
    'GBK that could be UTF-8, and declares it',
    Buffer.concat([declared('GBK'), Buffer.from('cdbcc6ac', 'hex')]),
    'GBK',
    '图片',
  ],
  ['UTF-8 that declares GBK', Buffer.concat([declared('GBK'), Buffer.from('图片é')]), 'UTF-8', '图片é'],
  ['GBK that declares UTF-8', Buffer.concat([declared('UTF-8'), gbk]), 'GBK', '图片服务器，监控'],
  ['GBK that declares nothing', gbk, 'GBK', '图片服务器，监控'],
  ['ISO-8859-1', latin1, 'ISO-8859-1', 'un répertoire créé, à côté'],
  [
    'what can not be the GBK that it declares',
    Buffer.concat([declared('GBK'), Buffer.from('é/', 'latin1')]),
    'ISO-8859-1',
    'é/',
  ],
] as const)
  test(`${what} is read as ${encoding}`, () => {
    const decoded = decodeText(bytes);
    assert.equal(decoded.encoding, encoding);
    assert.ok(decoded.text.endsWith(end), decoded.text);
    assert.ok(!decoded.text.startsWith('\ufeff'));
  });
