import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Change, ChangeKind } from '../../../src/core/change.js';
import { asRelPath, type RelPath } from '../../../src/core/path.js';
import { type Delivery, DeliveryGate } from '../../../src/hooks/delivery-gate.js';

const change = (path: string, kind: ChangeKind = 'entry'): Change => ({ kind, path: asRelPath(path) });
const shown = (changes: readonly Change[]): string[] => changes.map(({ path }) => path);
const delivery = (
  target: string,
  sequence: number,
  changes: readonly Change[],
  ...left: readonly string[]
): Delivery => ({ target, sequence, changes, left: new Set(left.map(asRelPath)), isQuiet: false });

test('a path comes once, when all targets have it', () => {
  const gate = new DeliveryGate('all', ['a', 'b'], 100);
  gate.changed(change('x'), 1);
  assert.deepEqual(gate.delivered(delivery('a', 1, [change('x')])), []);
  assert.deepEqual(gate.delivered(delivery('a', 1, [change('x')])), []);
  assert.deepEqual(shown(gate.delivered(delivery('b', 1, [change('x')]))), ['x']);
  assert.deepEqual(gate.delivered(delivery('b', 1, [change('x')])), []);
});

test('a number of targets is enough, and never more are needed than there are', () => {
  const gate = new DeliveryGate(2, ['a', 'b', 'c'], 100);
  gate.changed(change('x'), 1);
  gate.delivered(delivery('c', 1, [change('x')]));
  assert.deepEqual(shown(gate.delivered(delivery('a', 1, [change('x')]))), ['x']);
  gate.changed(change('y'), 2);
  gate.delivered(delivery('a', 2, [change('y')]));
  assert.deepEqual(shown(gate.setTargets(['a'])), ['y']);
});

test('a path that changed after its batch was sent begins anew', () => {
  const gate = new DeliveryGate('all', ['a'], 100);
  gate.changed(change('x'), 1);
  gate.changed(change('x'), 5);
  assert.deepEqual(gate.delivered(delivery('a', 4, [change('x')])), []);
  assert.deepEqual(shown(gate.delivered(delivery('a', 5, [change('x')]))), ['x']);
});

test('directories and trees cover what is in them, but for what was not taken', () => {
  const gate = new DeliveryGate('all', ['a'], 100);
  for (const path of ['d/x', 'd/stuck', 'd/e/y', 't/u/v', 'held/z']) gate.changed(change(path), 1);
  const changes = [change('d', 'directory'), change('t', 'tree'), change('held/z')];
  assert.deepEqual(shown(gate.delivered(delivery('a', 1, changes, 'd/stuck', 'held'))), ['d/x', 't/u/v']);
  assert.deepEqual(shown(gate.compared('a', 1, [change('d/stuck')])), ['d/e/y', 'held/z']);
});

test('more paths than the limit push out the oldest, and that is counted', () => {
  const gate = new DeliveryGate('all', ['a'], 2);
  for (const [index, path] of ['x', 'y', 'z'].entries()) gate.changed(change(path), index);
  assert.equal(gate.takeLost(), 1);
  assert.equal(gate.takeLost(), 0);
  assert.deepEqual(
    shown(
      gate.delivered(
        delivery(
          'a',
          9,
          ['x', 'y', 'z'].map((path) => change(path)),
        ),
      ),
    ),
    ['y', 'z'],
  );
});

const names = ['a', 'b', 'c'];
const paths = ['p', 'q', 'd/p', 'd/q'];
type Step =
  | { readonly type: 'change'; readonly path: string }
  /** A batch is sent to the target with what it lacks. */
  | { readonly type: 'send' | 'arrive'; readonly target: string };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant('change' as const), path: fc.constantFrom(...paths) }),
  fc.record({ type: fc.constantFrom('send' as const, 'arrive' as const), target: fc.constantFrom(...names) }),
);

test('no path comes before enough targets have its newest change, and every path comes', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom('all' as const, 1, 2), (steps, when) => {
      const gate = new DeliveryGate(when, names, 1_000);
      const needed = when === 'all' ? names.length : when;
      let sequence = 0;
      const newest = new Map<string, number>();
      const told = new Map<string, number>();
      const lacks = new Map(names.map((name) => [name, new Set<string>()]));
      const has = new Map(names.map((name) => [name, new Map<string, number>()]));
      const inFlight = new Map<string, Delivery>();
      const take = (completed: readonly Change[]): void => {
        for (const { path } of completed) {
          const version = newest.get(path) ?? 0;
          const count = names.filter((name) => (has.get(name)?.get(path) ?? 0) >= version).length;
          assert.ok(count >= needed, `${path} came with ${count} targets`);
          told.set(path, version);
        }
      };
      const send = (target: string): void => {
        const list = [...(lacks.get(target) ?? [])];
        if (inFlight.has(target) || list.length === 0) return;
        lacks.get(target)?.clear();
        inFlight.set(
          target,
          delivery(
            target,
            sequence,
            list.map((path) => change(path)),
          ),
        );
      };
      const arrive = (target: string): void => {
        const batch = inFlight.get(target);
        if (batch === undefined) return;
        inFlight.delete(target);
        for (const { path } of batch.changes) has.get(target)?.set(path, batch.sequence);
        take(gate.delivered(batch));
      };
      for (const now of steps) {
        if (now.type === 'change') {
          newest.set(now.path, ++sequence);
          gate.changed(change(now.path), sequence);
          for (const set of lacks.values()) set.add(now.path);
        } else if (now.type === 'send') send(now.target);
        else arrive(now.target);
      }
      for (const target of names) {
        arrive(target);
        send(target);
        arrive(target);
      }
      for (const [path, version] of newest) assert.equal(told.get(path), version, `${path} did not come`);
      assert.equal(gate.size, 0);
    }),
  );
});

test('the same path never waits twice', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...paths)), (list) => {
      const gate = new DeliveryGate('all', ['a'], 1_000);
      for (const [index, path] of list.entries()) gate.changed(change(path), index);
      assert.equal(gate.size, new Set<RelPath>(list.map(asRelPath)).size);
    }),
  );
});
