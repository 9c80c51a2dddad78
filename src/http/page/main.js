import { decide, get, listenToToken } from './control.js';
import { byId, setText } from './dom.js';
import { History } from './history.js';
import { addEvent } from './log.js';
import { showCharts, showOverview } from './overview.js';
import { mostPaths, showHeld, showStuck } from './paths.js';
import { showTargets, targetTable } from './targets.js';

/** Pause before the stream is opened again when the browser gave it up, ms. */
const againMs = 5_000;

const history = new History();
const table = targetTable();
let status;
let isConnected = false;
/** What was last read of the paths, by the counts that were told then. */
let shownHeld = '';
let shownStuck = '';
/** The targets that were down or held deletes when that was last said. */
let said;

const show = () => {
  if (status === undefined) return;
  showOverview(status, history);
  showTargets(table, status, history);
  announce();
};

/** Says what changed for those who do not see it: only what matters, once. */
const announce = () => {
  const down = status.targets.filter(({ up }) => !up).map(({ name }) => name);
  const held = status.targets.filter((target) => target.held > 0).map(({ name }) => name);
  const words = [
    ...(down.length > 0 ? [`Down: ${down.join(', ')}.`] : []),
    ...(held.length > 0 ? [`Deletes are held: ${held.join(', ')}.`] : []),
  ].join(' ');
  if (said !== undefined && said !== words)
    setText(byId('announcement'), words === '' ? 'All targets are well.' : words);
  said = words;
};

/** Reads the paths behind the counts again when these changed. */
const readPaths = async () => {
  const counts = (...keys) =>
    status.targets.map((target) => [target.name, ...keys.map((key) => target[key])].join(' ')).join('\n');
  const held = counts('held', 'kept');
  const stuck = counts('stuck');
  try {
    if (held !== shownHeld) showHeld((await get(`v1/deletes?most=${mostPaths}`)).targets, decide);
    shownHeld = held;
    if (stuck !== shownStuck) showStuck((await get(`v1/stuck?most=${mostPaths}`)).targets);
    shownStuck = stuck;
  } catch {
    // The next status tries it again.
  }
};

const tick = () => {
  history.add(isConnected ? status : undefined);
  show();
  showCharts(history);
  if (isConnected && status !== undefined) void readPaths();
};

const connect = () => {
  const stream = new EventSource('events');
  stream.addEventListener('open', () => setConnected(true));
  stream.addEventListener('error', () => {
    setConnected(false);
    if (stream.readyState === EventSource.CLOSED) setTimeout(connect, againMs);
  });
  stream.addEventListener('status', ({ data }) => {
    status = JSON.parse(data);
    setConnected(true);
    if (history.length === 0) tick();
    else show();
  });
  stream.addEventListener('event', ({ data }) => addEvent(JSON.parse(data)));
};

const setConnected = (value) => {
  isConnected = value;
  const node = byId('connection');
  node.dataset.state = value ? 'good' : 'bad';
  setText(node, value ? 'live' : 'no connection, trying again …');
  document.body.classList.toggle('stale', !value);
};

byId('targets').append(table);
listenToToken();
connect();
setInterval(tick, 1_000);
