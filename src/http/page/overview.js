import { byId, element, keep, setText } from './dom.js';
import { ago, count, plural, rate, seconds } from './format.js';
import { plot } from './plot.js';
import { wordsFor } from './targets.js';

const add = (a, b) => a + b;
const bytesOf = ({ bytes }) => bytes;
const filesOf = ({ files }) => files;

/** The headline, the figures below it, and what needs a person. */
export const showOverview = (status, history) => {
  const { source, targets, live, directories, startedAt } = status;
  setText(byId('tree'), source);
  document.title = `${headline(status).short} · imgsync-fast`;
  const { level, text } = headline(status);
  const node = byId('overall');
  node.dataset.level = level;
  setText(node, text);
  const lag = Math.max(0, ...targets.map(({ lagSeconds }) => lagSeconds));
  const facts = [
    ['Worst lag', seconds(lag)],
    ['Pending', count(targets.map(({ pending }) => pending).reduce(add, 0))],
    ['Throughput', rate(history.throughput(bytesOf).at(-1) ?? 0)],
    ['Files sent', count(targets.map(({ filesSent }) => filesSent).reduce(add, 0))],
    [live ? 'Directories' : 'Directories so far', count(directories)],
    ['Started', ago(startedAt)],
  ];
  keep(byId('facts'), facts, {
    key: ([name]) => name,
    make: ([name]) => element('div', {}, element('dt', {}, name), element('dd')),
    update: (fact, [, value]) => setText(fact.lastChild, value),
  });
  showAttention(status);
};

const headline = ({ targets, live }) => {
  const down = targets.filter(({ up }) => !up).length;
  const held = targets.filter((target) => target.held > 0).length;
  const stuck = targets.reduce((sum, target) => sum + target.stuck, 0);
  const busy = targets.filter((target) => wordsFor(target).level === 'busy').length;
  if (!live) return { level: 'waiting', text: 'Setting up the watches', short: 'starting' };
  if (targets.length === 0)
    return { level: 'good', text: 'Watching; there are no targets', short: 'watching' };
  if (down > 0)
    return {
      level: 'bad',
      text: `${count(down)} of ${plural(targets.length, 'target')} ${down === 1 ? 'is' : 'are'} down`,
      short: `${down} down`,
    };
  if (held > 0)
    return {
      level: 'warn',
      text: `${plural(held, 'target holds', 'targets hold')} deletes`,
      short: 'deletes held',
    };
  if (stuck > 0)
    return { level: 'warn', text: `${plural(stuck, 'path is', 'paths are')} stuck`, short: 'stuck' };
  if (busy > 0) return { level: 'busy', text: `Sending to ${plural(busy, 'target')}`, short: 'sending' };
  return {
    level: 'good',
    text: allInSync(targets.length),
    short: 'in sync',
  };
};

const allInSync = (targets) => {
  if (targets === 1) return 'The target is in sync';
  return targets === 2 ? 'Both targets are in sync' : `All ${count(targets)} targets are in sync`;
};

const showAttention = ({ targets, hooks = [] }) => {
  const notices = [
    ...targets
      .filter(({ reason, held }) => reason !== undefined && held === 0)
      .map(({ name, code, reason, hint, lagSeconds }) => ({
        about: name,
        code,
        text: code === undefined ? reason : reason.slice(code.length + 2),
        hint,
        waits: lagSeconds > 0 ? `waits for ${seconds(lagSeconds)}` : '',
      })),
    ...hooks
      .filter(({ lastError }) => lastError !== undefined)
      .map(({ name, lastError }) => ({ about: `hook ${name}`, text: lastError, waits: '' })),
  ];
  byId('attention').hidden = notices.length === 0;
  keep(byId('attention-list'), notices, {
    key: ({ about }) => about,
    make: ({ about }) =>
      element(
        'li',
        { class: 'notice' },
        element(
          'p',
          { class: 'notice-head' },
          element('strong', {}, about),
          element('code'),
          element('span', { class: 'dim' }),
        ),
        element('p', { class: 'notice-text' }),
        element('p', { class: 'hint' }),
      ),
    update: (notice, { code = '', text, hint = '', waits }) => {
      const [head, said, advice] = notice.children;
      setText(head.children[1], code);
      setText(head.children[2], waits);
      setText(said, text);
      setText(advice, hint === '' ? '' : `What to do: ${hint}`);
    },
  });
};

const charts = [
  {
    name: 'Worst lag',
    least: 2,
    label: seconds,
    of: (history) => history.combined(({ lag }) => lag, Math.max),
  },
  {
    name: 'Pending',
    least: 10,
    label: count,
    of: (history) => history.combined(({ pending }) => pending, add),
  },
  { name: 'Throughput', least: 1000, label: rate, of: (history) => history.throughput(bytesOf) },
  {
    name: 'Files per second',
    least: 5,
    label: (value) => `${count(Math.round(value))}/s`,
    of: (history) => history.throughput(filesOf),
  },
];

/** The drawings for all targets together. */
export const showCharts = (history) => {
  setText(byId('history-length'), `the last ${seconds(Math.max(60, history.length))}, as this page saw them`);
  keep(byId('charts'), charts, {
    key: ({ name }) => name,
    make: ({ name }) =>
      element(
        'figure',
        { class: 'chart' },
        element('figcaption', {}, element('span', {}, name), element('b'), element('span', { class: 'dim' })),
        element('div', { class: 'canvas' }),
      ),
    update: (figure, { name, least, label, of }) => {
      const values = of(history);
      const known = values.filter((value) => value !== undefined);
      const [caption, canvas] = figure.children;
      setText(caption.children[1], label(known.at(-1) ?? 0));
      setText(caption.children[2], `highest ${label(Math.max(...known, 0))}`);
      canvas.replaceChildren(plot(values, { name, least, label }));
    },
  });
};
