import { byId, element, keep, setText } from './dom.js';
import { ago, count, plural, seconds } from './format.js';
import { cell, table } from './table.js';

/** Paths that are shown of each target. */
export const mostPaths = 50;

/** @param decide is called with `approve` or `reject` and what is held at the target */
export const showHeld = (targets, decide) => {
  const holding = targets.filter(({ holding, kept }) => holding || kept > 0);
  byId('held').hidden = holding.length === 0;
  keep(byId('held-list'), holding, {
    key: ({ target }) => target,
    make: ({ target }) => {
      const button = (decision, text, kind) => {
        const made = element('button', { type: 'button', class: kind, 'data-decision': decision }, text);
        made.setAttribute('aria-label', `${text}: ${target}`);
        return made;
      };
      return element(
        'article',
        { class: 'holding' },
        element('h3', {}, target),
        element('p', { class: 'sum' }),
        element(
          'details',
          {},
          element('summary'),
          element('ul', { class: 'paths', tabindex: 0, 'aria-label': `Paths of ${target}` }),
        ),
        element(
          'div',
          { class: 'buttons' },
          button('approve', 'Approve: delete them', 'danger'),
          button('reject', 'Reject: keep them'),
        ),
        element('p', { class: 'answer', role: 'alert' }),
      );
    },
    update: (article, held) => updateHeld(article, held, decide),
  });
};

const updateHeld = (article, held, decide) => {
  const [, sum, details, buttons] = article.children;
  const since =
    held.since === undefined ? '' : `, for ${seconds((Date.now() - Date.parse(held.since)) / 1000)}`;
  const words = [
    ...(held.holding
      ? [`${plural(held.entries, 'entry', 'entries')} in ${plural(held.held, 'path')} held${since}`]
      : []),
    ...(held.kept > 0 ? [`${plural(held.kept, 'path')} kept by an earlier rejection`] : []),
    ...(held.limit === undefined ? [] : [`the limit is ${count(held.limit)}`]),
  ];
  setText(sum, `${words.join('; ')}.`);
  const total = held.held + held.kept;
  setText(details.firstChild, `Show the ${plural(total, 'path')}`);
  fill(details.lastChild, [...held.heldPaths, ...held.keptPaths].slice(0, mostPaths), total);
  for (const button of buttons.children) {
    button.onclick = () => decide(button.dataset.decision, held, article.lastChild);
    button.hidden = button.dataset.decision === 'reject' && !held.holding;
  }
};

const fill = (list, paths, total) => {
  const shown = total > paths.length ? [...paths, `… and ${count(total - paths.length)} more`] : paths;
  const text = shown.join('\n');
  if (list.dataset.shown === text) return;
  list.dataset.shown = text;
  list.replaceChildren(...shown.map((path) => element('li', {}, path)));
};

const columns = ['Target', 'Path', 'Why', 'Tries', 'Since'];

/** @param targets as `v1/stuck` tells */
export const showStuck = (targets) => {
  const stuck = targets.filter(({ paths }) => paths.length > 0);
  byId('stuck').hidden = stuck.length === 0;
  const rows = stuck.flatMap(({ target, paths }) => paths.map((entry) => ({ target, ...entry })));
  const left = targets.reduce((sum, target) => sum + target.stuck, 0) - rows.length;
  const shown = table({ name: 'stuck', titleId: 'stuck-title', columns }, ...rows.map(stuckRow));
  byId('stuck-list').replaceChildren(
    ...(stuck.length === 0 ? [] : [shown]),
    ...(left > 0 ? [element('p', { class: 'dim' }, `… and ${count(left)} more`)] : []),
  );
};

const stuckRow = ({ target, path, code, text, attempts, since }) =>
  element(
    'tr',
    { role: 'row' },
    cell('Target', target),
    cell('Path', element('span', { class: 'path' }, path)),
    cell('Why', element('code', {}, code), element('span', { class: 'dim said' }, text)),
    cell('Tries', count(attempts)),
    cell('Since', ago(since)),
  );
