import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameOf, parseTargetUrl, placeOf } from '../../../src/config/target-url.js';
import type { TargetLocation } from '../../../src/core/target.js';

const daemon = (fields: Partial<Extract<TargetLocation, { type: 'daemon' }>>): TargetLocation => ({
  type: 'daemon',
  host: 'h',
  port: 873,
  user: undefined,
  module: 'm',
  path: '',
  ...fields,
});
const ssh = (fields: Partial<Extract<TargetLocation, { type: 'ssh' }>>): TargetLocation => ({
  type: 'ssh',
  host: 'h',
  port: undefined,
  user: undefined,
  path: '/p',
  ...fields,
});

const accepted: [url: string, location: TargetLocation, name: string][] = [
  ['rsync://h/m', daemon({}), 'h/m'],
  ['rsync://h/m/', daemon({}), 'h/m'],
  ['rsync://h:873/m', daemon({}), 'h/m'],
  [
    'rsync://10.0.0.64:9381/market',
    daemon({ host: '10.0.0.64', port: 9381, module: 'market' }),
    '10.0.0.64:9381/market',
  ],
  ['rsync://sync@h/m//a/./b/', daemon({ user: 'sync', path: 'a/b' }), 'h/m/a/b'],
  ['rsync://%C3%A4@h/m', daemon({ user: 'ä' }), 'h/m'],
  ['rsync://h/my%20pics/%E5%9B%BE%25', daemon({ module: 'my pics', path: '图%' }), 'h/my pics/图%'],
  ['rsync://h/图', daemon({ module: '图' }), 'h/图'],
  ['rsync://[2001:db8::1]:9381/m', daemon({ host: '2001:db8::1', port: 9381 }), '[2001:db8::1]:9381/m'],
  ['rsync://[fe80::1%25eth0]/m', daemon({ host: 'fe80::1%eth0' }), '[fe80::1%eth0]/m'],
  ['rsync://img_1.example./m', daemon({ host: 'img_1.example.' }), 'img_1.example./m'],
  ['ssh://h/p', ssh({}), 'h/p'],
  [
    'ssh://deploy@dr.example:22/srv/material/',
    ssh({ host: 'dr.example', port: 22, user: 'deploy', path: '/srv/material' }),
    'dr.example:22/srv/material',
  ],
  ['ssh://[::1]:2222//srv//x', ssh({ host: '::1', port: 2222, path: '/srv/x' }), '[::1]:2222/srv/x'],
  ['/backup/material', { type: 'local', path: '/backup/material' }, '/backup/material'],
  ['//backup/./a%20b/', { type: 'local', path: '/backup/a%20b' }, '/backup/a%20b'],
];
for (const [url, location, name] of accepted) {
  test(`${url} is understood`, () => {
    assert.deepEqual(parseTargetUrl(url), { location });
    assert.equal(nameOf(location), name);
  });
}

const refused: [url: string, fault: RegExp][] = [
  ['', /expected rsync:\/\//],
  ['market', /expected rsync:\/\//],
  ['backup/material', /expected rsync:\/\//],
  ['./backup', /expected rsync:\/\//],
  ['http://h/m', /expected rsync:\/\//],
  ['RSYNC:/h/m', /expected rsync:\/\//],
  ['h::m', /expected rsync:\/\//],
  ['rsync://', /host is missing/],
  ['rsync://h', /module is missing/],
  ['rsync://h/', /module is missing/],
  ['rsync:///m', /host is missing/],
  ['rsync://h:0/m', /port from 1 to 65535/],
  ['rsync://h:65536/m', /port from 1 to 65535/],
  ['rsync://h:/m', /port from 1 to 65535/],
  ['rsync://h:x/m', /port from 1 to 65535/],
  ['rsync://u:secret@h/m', /passwordFile/],
  ['rsync://u:se@cret@h/m', /passwordFile/],
  ['ssh://u:secret@h/p', /passwordFile/],
  ['rsync://@h/m', /user/],
  ['rsync://a%40b@h/m', /user/],
  ['rsync://-x@h/m', /user/],
  ['rsync://-oProxyCommand=x/m', /host is no valid/],
  ['ssh://-oProxyCommand=x/p', /host is no valid/],
  ['rsync://h h/m', /host is no valid/],
  ['rsync://2001:db8::1/m', /brackets/],
  ['rsync://[h]/m', /IPv6/],
  ['rsync://[::1/m', /brackets/],
  ['rsync://h/m/../x', /"\.\."/],
  ['rsync://h/m/%2e%2e/x', /"\.\."/],
  ['rsync://h/../x', /module/],
  ['rsync://h/a%2fb', /module/],
  ['rsync://h/m/%', /escape/],
  ['rsync://h/m/%ff', /escape/],
  ['rsync://h/m/%00', /control/],
  ['rsync://h/m/a\nb', /control/],
  ['ssh://h', /path is missing/],
  ['ssh://h/', /path is missing/],
  ['ssh://h/~/x', /absolute/],
  ['/', /root directory/],
  ['/a/../b', /"\.\."/],
  ['/a\0', /control/],
];
for (const [url, expected] of refused) {
  test(`${JSON.stringify(url)} is refused`, () => {
    const result = parseTargetUrl(url);
    assert.ok('fault' in result);
    assert.match(result.fault, expected);
    assert.doesNotMatch(result.fault, /se@?cret/, 'a fault never repeats a password');
  });
}

const locationOf = (url: string): TargetLocation => {
  const result = parseTargetUrl(url);
  assert.ok('location' in result);
  return result.location;
};
for (const [a, b] of [
  ['rsync://h/m', 'rsync://u@H:873/m/'],
  ['rsync://h./m/a', 'rsync://h/m//a/'],
  ['rsync://[2001:DB8:0::1]/m', 'rsync://[2001:db8::1]/m'],
  ['ssh://h/p', 'ssh://u@h:22/p/'],
] as const) {
  test(`${a} and ${b} are one place`, () => assert.deepEqual(placeOf(locationOf(a)), placeOf(locationOf(b))));
}
for (const [a, b] of [
  ['rsync://h/m', 'rsync://h:9381/m'],
  ['rsync://h/m', 'rsync://h/n'],
  ['rsync://h/m', 'rsync://h/M'],
  ['ssh://h/p', 'rsync://h/p'],
  ['ssh://h/p', '/p'],
] as const) {
  test(`${a} and ${b} are two places`, () =>
    assert.notDeepEqual(placeOf(locationOf(a)), placeOf(locationOf(b))));
}
