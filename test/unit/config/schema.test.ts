import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonSchema } from '../../../src/config/schema.js';

/** Every property of the schema: where it is, and what the schema says about it. */
function* propertiesOf(schema: unknown, path = ''): Generator<[string, Record<string, unknown>]> {
  if (typeof schema !== 'object' || schema === null) return;
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'properties')
      for (const [name, property] of Object.entries(value as Record<string, Record<string, unknown>>))
        yield [`${path}/${name}`, property];
    yield* propertiesOf(value, key === 'properties' || /^\d+$/.test(key) ? path : `${path}/${key}`);
  }
}

test('every key of the schema is described, and no object takes unknown ones', () => {
  const schema = jsonSchema();
  const properties = [...propertiesOf(schema)];
  assert.ok(properties.length > 40);
  for (const [path, { description }] of properties) assert.match(String(description), /^[A-Z`].*\.$/s, path);
  const objects = JSON.stringify(schema).match(/"properties":/g) ?? [];
  const strict = JSON.stringify(schema).match(/"additionalProperties":false/g) ?? [];
  assert.equal(strict.length, objects.length);
});

test('the schema carries the defaults as they are written', () => {
  const { properties } = jsonSchema() as { properties: Record<string, { default?: unknown }> };
  assert.equal(properties.delete?.default, true);
  assert.equal(properties.changeLogLimit?.default, '64m');
  assert.equal(properties.initialSync?.default, true);
});
