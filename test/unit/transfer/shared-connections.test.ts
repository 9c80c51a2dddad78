import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharingOf } from '../../../src/transfer/shared-connections.js';
import { targetAt } from '../../support/targets.js';

const target = (name: string, shareConnection: boolean) =>
  targetAt(
    { type: 'ssh', host: 'h', port: undefined, user: undefined, path: '/p' },
    {
      name,
      ssh: {
        identityFile: undefined,
        knownHostsFile: undefined,
        options: [],
        ...(shareConnection ? { shareConnection } : {}),
      },
    },
  );
const sharing = (directory: string, name = 'dr') => sharingOf(directory, target(name, true));

test('each target has a socket of its own, of the same name at every start', () => {
  const paths = ['a', 'b', 'a'].map((name) => sharing('/state', name));
  assert.deepEqual(paths[0], paths[2]);
  assert.notDeepEqual(paths[0], paths[1]);
  for (const path of paths) assert.ok(path !== undefined && 'socket' in path);
  assert.equal(sharingOf('/state', target('a', false)), undefined);
});

// "/ssh-" and twelve letters stand behind the directory.
for (const [directory, fault] of [
  [`/${'x'.repeat(72)}`, undefined],
  [`/${'x'.repeat(73)}`, /91 bytes, and ssh takes 90/],
  // Bytes, not characters.
  [`/${'图'.repeat(24)}`, undefined],
  [`/${'图'.repeat(25)}`, /93 bytes/],
  ['/state dir', /without blanks/],
  ['/100%', /without blanks/],
  ['/$HOME', /without blanks/],
  ["/it's", /without blanks/],
] as const)
  test(`a socket in ${directory}`, () => {
    const found = sharing(directory);
    assert.ok(found !== undefined);
    if (fault === undefined) assert.ok('socket' in found);
    else assert.match('fault' in found ? found.fault : '', fault);
  });
