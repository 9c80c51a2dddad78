import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ChangeLog } from '../../../src/changes/change-log.js';
import type { Cursor } from '../../../src/changes/cursor.js';
import { type ChangeKind, type Sequence, widerKind } from '../../../src/core/change.js';
import { asRelPath, type RelPath } from '../../../src/core/path.js';
import { changeOf, crowdedPath } from '../../support/arbitraries.js';

const unlimited = Number.POSITIVE_INFINITY;
const paths = (changes: readonly { path: RelPath }[]) => changes.map(({ path }) => path);

test('a cursor reads what was appended after it was opened, oldest first', () => {
  const log = new ChangeLog(unlimited);
  log.append('entry', asRelPath('before'));
  const cursor = log.openCursor();
  log.append('entry', asRelPath('a'));
  log.append('entry', asRelPath('b'));
  assert.deepEqual(paths(cursor.read(1)), ['a']);
  assert.deepEqual(paths(cursor.read(9)), ['b']);
  assert.deepEqual(cursor.read(9), []);
});

test('a path that changes again is read once, at its newest place and with the wider kind', () => {
  const log = new ChangeLog(unlimited);
  const cursor = log.openCursor();
  log.append('tree', asRelPath('a'));
  log.append('entry', asRelPath('b'));
  log.append('entry', asRelPath('a'));
  assert.deepEqual(
    cursor.read(9).map(({ kind, path, sequence }) => [kind, path, sequence]),
    [
      ['entry', 'b', 2],
      ['tree', 'a', 3],
    ],
  );
});

test('what every cursor has read is trimmed; a cursor that lags keeps it', () => {
  const log = new ChangeLog(unlimited);
  const fast = log.openCursor();
  const slow = log.openCursor();
  log.append('entry', asRelPath('a'));
  fast.read(9);
  assert.equal(log.size, 1);
  slow.read(9);
  assert.equal(log.size, 0);
  assert.equal(log.bytes, 0);
});

test('past its limit the log drops the oldest, and only the cursor that had not read it expires', () => {
  const log = new ChangeLog(160 * 100);
  const fast = log.openCursor();
  const dead = log.openCursor();
  for (let i = 0; i < 1000; i++) {
    log.append('entry', asRelPath(`f${i}`));
    assert.deepEqual(paths(fast.read(9)), [`f${i}`]);
  }
  assert.equal(fast.isExpired, false);
  assert.equal(dead.isExpired, true);
  assert.ok(log.bytes <= 160 * 100);
  dead.renew();
  assert.equal(dead.isExpired, false);
  log.append('entry', asRelPath('new'));
  assert.deepEqual(paths(dead.read(9)), ['new']);
});

test('one path that changes for ever takes no room, whatever lags behind', () => {
  const log = new ChangeLog(unlimited);
  const dead = log.openCursor();
  for (let i = 0; i < 100_000; i++) log.append('entry', asRelPath('log'));
  assert.equal(log.size, 1);
  assert.equal(dead.lag <= 2, true);
  assert.deepEqual(paths(dead.read(9)), ['log']);
});

test('a closed cursor holds nothing back', () => {
  const log = new ChangeLog(unlimited);
  const dead = log.openCursor();
  log.append('entry', asRelPath('a'));
  dead.close();
  assert.equal(log.size, 0);
});

/** What a reader must get: for each path its newest sequence and the widest kind since the reader last saw it. */
class Model {
  readonly unseen = new Map<RelPath, { kind: ChangeKind; sequence: Sequence }>();

  append(kind: ChangeKind, path: RelPath, sequence: Sequence) {
    const older = this.unseen.get(path);
    this.unseen.set(path, { kind: older === undefined ? kind : widerKind(kind, older.kind), sequence });
  }
}

const covers = (a: ChangeKind, b: ChangeKind) => widerKind(a, b) === a;

test('whatever the order of appends and reads, every cursor sees the newest change of every path', () =>
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          { weight: 3, arbitrary: fc.record({ append: changeOf(crowdedPath) }) },
          { weight: 1, arbitrary: fc.record({ read: fc.nat(2), limit: fc.integer({ min: 1, max: 5 }) }) },
        ),
        { maxLength: 200 },
      ),
      (steps) => {
        const log = new ChangeLog(unlimited);
        const readers = [0, 1, 2].map((): { cursor: Cursor; model: Model } => ({
          cursor: log.openCursor(),
          model: new Model(),
        }));
        const read = (reader: { cursor: Cursor; model: Model }, limit: number) => {
          let before = reader.cursor.position;
          for (const { kind, path, sequence } of reader.cursor.read(limit)) {
            assert.ok(sequence > before, 'in order');
            before = sequence;
            const expected = reader.model.unseen.get(path);
            assert.equal(sequence, expected?.sequence);
            assert.ok(covers(kind, expected?.kind ?? 'tree'), 'at least as wide as what was missed');
            reader.model.unseen.delete(path);
          }
        };
        for (const step of steps) {
          if ('append' in step) {
            const { kind, path } = step.append;
            const sequence = log.append(kind, path);
            for (const { model } of readers) model.append(kind, path, sequence);
          } else {
            read(readers[step.read] ?? assert.fail(), step.limit);
          }
        }
        for (const reader of readers) {
          read(reader, 1000);
          assert.equal(reader.model.unseen.size, 0);
        }
        assert.equal(log.size, 0);
      },
    ),
  ));

test('a cursor that did not expire has missed nothing, whatever the limit', () =>
  fc.assert(
    fc.property(
      fc.integer({ min: 200, max: 2000 }),
      fc.array(fc.tuple(crowdedPath, fc.boolean()), { maxLength: 200 }),
      (limitBytes, steps) => {
        const log = new ChangeLog(limitBytes);
        const cursor = log.openCursor();
        log.openCursor(); // never reads
        const unseen = new Set<RelPath>();
        for (const [path, isRead] of steps) {
          log.append('entry', path);
          unseen.add(path);
          if (isRead && !cursor.isExpired) for (const change of cursor.read(2)) unseen.delete(change.path);
          assert.ok(log.bytes <= limitBytes);
        }
        if (cursor.isExpired) return;
        for (const change of cursor.read(1000)) unseen.delete(change.path);
        assert.equal(unseen.size, 0);
      },
    ),
  ));
