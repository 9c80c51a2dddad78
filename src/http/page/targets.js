import { element, keep, setText } from './dom.js';
import { ago, count, rate, seconds } from './format.js';
import { plot } from './plot.js';
import { cell, table } from './table.js';

const columns = ['Target', 'State', 'Lag', 'Pending', 'Throughput', 'Last success', 'Stuck', 'Held'];

/** The table, without rows. */
export const targetTable = () => table({ name: 'targets', titleId: 'targets-title', columns });

/** Shows the targets of a status. */
export const showTargets = (shown, { targets }, history) =>
  keep(shown.tBodies[0], targets, {
    key: ({ name }) => name,
    make: ({ name }) =>
      element(
        'tr',
        { role: 'row' },
        element('th', { scope: 'row', role: 'rowheader', class: 'name' }, name),
        cell('State', element('span', { class: 'state' })),
        cell('Lag', element('span', { class: 'value' }), element('span', { class: 'spark' })),
        cell('Pending', element('span', { class: 'value' }), element('span', { class: 'spark' })),
        ...columns.slice(4).map((title) => cell(title, element('span', { class: 'value' }))),
      ),
    update: (row, target) => update(row, target, history),
  });

const update = (row, target, history) => {
  const [, state, lag, pending, throughput, success, stuck, held] = row.cells;
  const { level, text } = wordsFor(target);
  row.dataset.level = level;
  state.firstChild.dataset.level = level;
  setText(state.firstChild, text);
  setText(lag.firstChild, seconds(target.lagSeconds));
  setText(pending.firstChild, count(target.pending));
  setText(throughput.firstChild, rate(history.rateOf(target.name, ({ bytes }) => bytes)));
  setText(success.firstChild, target.lastSuccessAt === undefined ? '–' : ago(target.lastSuccessAt));
  for (const [node, value] of [
    [stuck, target.stuck],
    [held, target.held],
  ]) {
    setText(node.firstChild, count(value));
    node.firstChild.classList.toggle('notable', value > 0);
  }
  lag.lastChild.replaceChildren(
    plot(
      history.series(target.name, (seen) => seen.lag),
      { name: `Lag of ${target.name}`, least: 2, label: seconds },
    ),
  );
  pending.lastChild.replaceChildren(
    plot(
      history.series(target.name, (seen) => seen.pending),
      { name: `Pending of ${target.name}`, least: 10, label: count },
    ),
  );
};

/** What a state means to people, and how bad it is. */
export const wordsFor = ({ state, up, pending, reconcile, held, stuck }) => {
  if (state === 'halted') return { level: 'bad', text: 'needs you' };
  if (state === 'suspended') return { level: 'bad', text: 'source is gone' };
  if (state === 'stopped') return { level: 'bad', text: 'stopped' };
  if (!up) return { level: 'bad', text: 'down, retrying' };
  if (state === 'starting') return { level: 'waiting', text: 'starting' };
  if (reconcile !== undefined) {
    const { directoriesDone, directoriesTotal } = reconcile;
    const share = directoriesTotal === 0 ? 0 : Math.floor((100 * directoriesDone) / directoriesTotal);
    return { level: 'busy', text: `comparing ${share} %` };
  }
  if (held > 0) return { level: 'warn', text: 'holds deletes' };
  if (stuck > 0) return { level: 'warn', text: 'in sync but stuck' };
  if (pending > 0 || state !== 'idle') return { level: 'busy', text: 'sending' };
  return { level: 'good', text: 'in sync' };
};
