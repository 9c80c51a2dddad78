import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventTally } from '../../../src/http/event-tally.js';

const delivered = { type: 'delivered', paths: 2, files: 1, bytes: 10, deleted: 1 } as const;

test('the deliveries of a target become one', () => {
  const tally = new EventTally();
  for (const target of ['a', 'b', 'a', 'a']) tally.add({ ...delivered, target });
  assert.deepEqual(
    tally.take().map(({ at, ...event }) => event),
    [
      { ...delivered, target: 'a', paths: 6, files: 3, bytes: 30, deleted: 3 },
      { ...delivered, target: 'b' },
    ],
  );
  assert.deepEqual(tally.take(), []);
});

test('of a flood the first hundred are told, the others are counted', () => {
  const tally = new EventTally();
  for (let i = 0; i < 1_234; i++) tally.add({ type: 'freed', target: 'a', path: `${i}` });
  const taken = tally.take().map(({ at, ...event }) => event);
  assert.equal(taken.length, 101);
  assert.deepEqual(taken[0], { type: 'freed', target: 'a', path: '0' });
  assert.deepEqual(taken[100], { type: 'more', events: 1_134 });
});
