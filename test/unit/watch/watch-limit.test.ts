import assert from 'node:assert/strict';
import { test } from 'node:test';
import { watchLimitReached } from '../../../src/watch/watch-limit.js';

const setting = 'fs.inotify.max_user_watches';

for (const [what, limit, need, watched, message, hint] of [
  [
    'a tree that is too big',
    8_192,
    100_000,
    8_192,
    /^the tree has 100000 directories, and fs\.inotify\.max_user_watches is 8192$/,
    /^raise it: sysctl fs\.inotify\.max_user_watches=262144 /,
  ],
  ['a small limit', 2, 4, 2, / is 2$/, /^raise it: .*=65536 /],
  [
    'other programs that hold nearly all',
    192_536,
    7,
    3,
    /^the tree has 7 .* is 192536, of which other programs of this user hold 192533$/,
    /^end one of them, or raise the limit: sysctl fs\.inotify\.max_user_watches=262144 /,
  ],
  ['other programs that hold a part', 65_536, 60_000, 40_000, /hold 25536$/, /=131072 /],
  ['a tree that just fits, but for one', 65_536, 65_536, 65_535, /hold 1$/, /=131072 /],
  ['a tree that shrank meanwhile', 1_048_576, 10, 1_048_576, /hold 0$/, /=2097152 /],
] as const) {
  test(`too few watches: ${what}`, () => {
    const error = watchLimitReached({ setting, limit, need, watched });
    assert.equal(error.code, 'WATCH_LIMIT_REACHED');
    assert.match(error.message, message);
    assert.match(error.hint, hint);
    assert.ok(Number(/=(\d+)/.exec(error.hint)?.[1]) > limit, 'more than there is');
  });
}
