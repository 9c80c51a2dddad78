import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

for (const page of ['docs/from-sersync.md', 'docs/from-sersync.zh-CN.md'])
  test(`every test that ${page} names is there`, () => {
    const named = [...readFileSync(page, 'utf8').matchAll(/`(test\/[^`]+)`/g)].map(([, file = '']) => file);
    assert.ok(named.length > 15, `only ${named.length} were found`);
    assert.deepEqual(
      named.filter((file) => !existsSync(file)),
      [],
    );
  });
