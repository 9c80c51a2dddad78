import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { resolveConfig } from '../../../src/config/resolve.js';
import { ConfigError } from '../../../src/core/errors.js';
import { tempDirectory, tempTree } from '../../support/temp-tree.js';

const command = { type: 'command', argv: ['/bin/true'] };
const webhook = { type: 'webhook', url: 'https://h/' };
const purge = { type: 'cdn-purge', publicUrl: 'https://h/{path}', request: 'https://api/' };

/** Hooks -> pointer below `/hooks` and message of each fault. */
const faults: readonly (readonly [hooks: readonly unknown[], ...faults: readonly RegExp[]])[] = [
  [[{ type: 'mail' }], /^\/0\/type: expected .*"command", "webhook", "socket" or "cdn-purge"/],
  [['sh'], /^\/0: expected an object whose type/],
  [[{ ...command, shell: true }], /^\/0\/shell: unknown key/],
  [[{ ...webhook, timeoutSecond: 1 }], /^\/0\/timeoutSecond: unknown key; did you mean "timeoutSeconds"\?/],
  [[{ type: 'command', argv: [] }], /^\/0\/argv: expected the program to run/],
  [[{ type: 'command', argv: ['{paths}'] }], /^\/0\/argv: expected the program to run/],
  [[{ ...command, when: 0 }], /^\/0\/when: expected "each", "all" or a number/],
  [[{ ...command, when: 3 }], /^\/0\/when: expected at most the number of targets, 2/],
  [[{ ...command, retries: -1 }], /^\/0\/retries: expected a whole number of tries/],
  [[{ type: 'webhook', url: 'ftp://h/' }], /^\/0\/url: expected a URL that begins with http/],
  [[{ type: 'webhook', url: 'https://u:p@h/' }], /^\/0\/url: .*without user and password/],
  [[{ type: 'socket', address: 'h:1' }], /^\/0\/address: expected "tcp:\/\/host:port" or "unix:/],
  [[{ ...purge, publicUrl: 'https://h/' }], /^\/0\/publicUrl: expected \{path\} in it/],
  [[{ ...purge, request: 'https://h/{path}' }], /^\/0\/request: \{path\} is no placeholder/],
  [[{ ...purge, method: 'HEAD' }], /^\/0\/method: expected POST, PUT/],
  [
    [
      { ...command, name: 'x' },
      { ...webhook, name: 'x' },
    ],
    /^\/1: its name x is that of \/hooks\/0 already/,
  ],
];
for (const [hooks, ...expected] of faults)
  test(`a fault of hooks: ${JSON.stringify(hooks)}`, async (t) => {
    const source = tempTree(t).path;
    const input = { source, targets: ['rsync://a/m', 'rsync://b/m'], hooks };
    const error = await resolveConfig(input, 'word').catch((reason: unknown) => reason);
    assert.ok(error instanceof ConfigError);
    const found = error.faults.map(
      ({ pointer, message }) => `${pointer.replace(/^\/hooks/, '')}: ${message}`,
    );
    assert.equal(found.length, expected.length, found.join('\n'));
    for (const [index, pattern] of expected.entries()) assert.match(found[index] ?? '', pattern);
  });

test('a secret that is open to others is refused', async (t) => {
  const secretFile = join(tempDirectory(t, 'secret'), 'key');
  writeFileSync(secretFile, 'key');
  chmodSync(secretFile, 0o644);
  const input = { source: tempTree(t).path, targets: ['rsync://a/m'], hooks: [{ ...webhook, secretFile }] };
  await assert.rejects(
    resolveConfig(input, 'word'),
    /\/hooks\/0\/secretFile: .* is open to others: chmod 600/,
  );
});

test('hooks without names get their type, with a number where there are several', async (t) => {
  const hooks = [command, webhook, command, { ...purge, name: 'cdn' }];
  const config = await resolveConfig({ source: tempTree(t).path, targets: ['rsync://a/m'], hooks }, 'word');
  assert.deepEqual(
    config.hooks.map(({ name }) => name),
    ['command-1', 'webhook', 'command-3', 'cdn'],
  );
});

test('without targets there have to be hooks', async (t) => {
  const source = tempTree(t).path;
  assert.deepEqual((await resolveConfig({ source, targets: [], hooks: [command] }, 'word')).targets, []);
  await assert.rejects(
    resolveConfig({ source, targets: [] }, 'word'),
    /\/targets: expected at least one target/,
  );
});
