import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Target } from '../../../src/core/target.js';
import { type SentContent, targetIdentity } from '../../../src/store/target-identity.js';

const target: Target = {
  name: 'a',
  location: { type: 'daemon', host: 'h', port: 873, user: undefined, module: 'm', path: '' },
  url: 'rsync://h/m',
  passwordFile: undefined,
  ssh: { identityFile: undefined, knownHostsFile: undefined, options: [] },
  standby: 'auto',
  bandwidthLimit: undefined,
  rsync: { path: 'rsync', timeoutSeconds: 60, compress: false, wholeFile: 'auto', args: [] },
};
const content: SentContent = { rules: ['- *.tmp'], deletes: true, crossMounts: true };
const identity = targetIdentity(target, content);

test('another place, other rules or options that alter what arrives make another identity', () => {
  const others = [
    targetIdentity({ ...target, location: { type: 'local', path: '/m' } }, content),
    targetIdentity({ ...target, rsync: { ...target.rsync, args: ['-O'] } }, content),
    targetIdentity({ ...target, rsync: { ...target.rsync, chmod: 'F644' } }, content),
    targetIdentity({ ...target, rsync: { ...target.rsync, chown: 'F644' } }, content),
    targetIdentity({ ...target, rsync: { ...target.rsync, update: true } }, content),
    targetIdentity(target, { ...content, rules: [] }),
    targetIdentity(target, { ...content, deletes: false }),
    targetIdentity(target, { ...content, crossMounts: false }),
  ];
  assert.equal(new Set([identity, ...others]).size, 9);
});

test('name, credentials, speed and limits do not', () => {
  const same: Target = {
    ...target,
    name: 'b',
    passwordFile: '/p',
    bandwidthLimit: '20m',
    rsync: { ...target.rsync, compress: true, timeoutSeconds: 9, checksum: true, tempDir: '/tmp' },
  };
  assert.equal(targetIdentity(same, { ...content }), identity);
});
