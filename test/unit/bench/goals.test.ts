import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goalTable } from '../../../bench/report/goals.js';
import { type ScenarioResult, us } from '../../../bench/scenario.js';

const firstSync = (files: number, ours: number[], busy?: number): ScenarioResult => ({
  scenario: 'first-sync',
  size: { files, targets: 1, saves: 1, seconds: 1 },
  runs: ours.length,
  samples: [
    { subject: us, metric: 'all there', unit: 's', values: ours },
    { subject: 'rsync -a', metric: 'all there', unit: 's', values: [10] },
    ...(busy === undefined
      ? []
      : [{ subject: 'rsync -a', metric: 'processors busy', unit: '%' as const, values: [busy] }]),
  ],
  spreads: [],
  losses: [],
  notes: [],
});

/** What the row of the one goal says after its name. */
const row = (...results: ScenarioResult[]) =>
  goalTable(results)
    .split('\n')[2]
    ?.split('|')
    .slice(2, -1)
    .map((cell) => cell.trim());

test('a goal is judged by the medians of the biggest tree', () => {
  assert.deepEqual(row(firstSync(1000, [90]), firstSync(2000, [100, 6, 5])), [
    '2,000',
    '0.6 ×',
    '≤ 0.65 ×',
    'reached',
  ]);
});

test('beside one that was missed stands how far next to nothing gets, when that was measured', () => {
  const verdict = (busy?: number) => row(firstSync(2000, [9], busy))?.at(-1);
  assert.equal(
    verdict(75),
    'missed; 0.75 ×: the work of the plain rsync, were it spread evenly over all processors',
  );
  assert.equal(verdict(), 'missed');
});
