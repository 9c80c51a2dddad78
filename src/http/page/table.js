import { element } from './dom.js';

/** A table with rows. Its roles are named, for on a narrow screen it is laid out as cards. */
export const table = ({ name, titleId, columns }, ...rows) =>
  element(
    'table',
    { class: name, role: 'table', 'aria-labelledby': titleId },
    element(
      'thead',
      { role: 'rowgroup' },
      element(
        'tr',
        { role: 'row' },
        ...columns.map((title) => element('th', { scope: 'col', role: 'columnheader' }, title)),
      ),
    ),
    element('tbody', { role: 'rowgroup' }, ...rows),
  );

/** @param title of its column: as a card, each value has it beside it */
export const cell = (title, ...children) => element('td', { role: 'cell', 'data-title': title }, ...children);
