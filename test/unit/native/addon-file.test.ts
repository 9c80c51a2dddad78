import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WatchError } from '../../../src/core/errors.js';
import { findAddon, type Host } from '../../../src/native/addon-file.js';

const host: Host = { platform: 'linux', architecture: 'x64', libc: 'glibc' };
const built = '/package/build/Release/imgsync_native.node';
const prebuilt = '/package/prebuilds/linux-x64/imgsync_native.node';

const find = (on: Partial<Host>, files: readonly string[]): string =>
  findAddon({ ...host, ...on }, '/package/', (file) => files.includes(file));

const found: readonly [string, Partial<Host>, readonly string[], string][] = [
  ['the one that was built in place comes first', {}, [built, prebuilt], built],
  ['the one of the package', {}, [prebuilt], prebuilt],
  [
    'of its architecture',
    { architecture: 'arm64' },
    [prebuilt, prebuilt.replace('x64', 'arm64')],
    prebuilt.replace('x64', 'arm64'),
  ],
  ['musl takes what was built in place', { libc: 'musl' }, [built, prebuilt], built],
];

for (const [name, on, files, file] of found) {
  test(`addon: ${name}`, () => {
    assert.equal(find(on, files), file);
  });
}

const refused: readonly [string, Partial<Host>, readonly string[], Pick<WatchError, 'code' | 'message'>][] = [
  [
    'nothing is there',
    {},
    [],
    { code: 'ADDON_MISSING', message: 'there is no native addon for linux-x64 with glibc in /package/' },
  ],
  [
    'another architecture',
    { architecture: 'riscv64' },
    [prebuilt],
    { code: 'ADDON_MISSING', message: 'there is no native addon for linux-riscv64 with glibc in /package/' },
  ],
  [
    'a prebuilt one under musl',
    { libc: 'musl' },
    [prebuilt],
    { code: 'ADDON_MISSING', message: 'there is no native addon for linux-x64 with musl in /package/' },
  ],
  [
    'macOS',
    { platform: 'darwin' },
    [built, prebuilt],
    { code: 'UNSUPPORTED_PLATFORM', message: 'imgsync-fast runs on Linux only, this is darwin' },
  ],
  [
    'Windows',
    { platform: 'win32' },
    [],
    { code: 'UNSUPPORTED_PLATFORM', message: 'imgsync-fast runs on Linux only, this is win32' },
  ],
];

for (const [name, on, files, expected] of refused) {
  test(`no addon: ${name}`, () => {
    assert.throws(
      () => find(on, files),
      ({ code, message, hint }: WatchError) => {
        assert.deepEqual({ code, message }, expected);
        assert.match(hint, code === 'ADDON_MISSING' ? /npm run build:native/ : /Linux host/);
        return true;
      },
    );
  });
}
