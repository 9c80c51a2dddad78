import { byId, element } from './dom.js';
import { bytes, clock, count, plural } from './format.js';

/** Lines that are kept. */
const most = 100;

/** Adds an event at the top. */
export const addEvent = (event) => {
  // What comes of a try is told.
  if (event.type === 'state' && event.code === undefined && event.attempt > 0) return;
  const log = byId('log');
  const { level, text } = wordsFor(event);
  const topic = topicOf(event);
  // Deliveries in a row, and the tries of one outage, are one line.
  const older = [...log.children].find((line) => topic !== undefined && line.dataset.topic === topic);
  if (older !== undefined && (event.type === 'state' || older === log.firstChild)) older.remove();
  log.prepend(
    element(
      'li',
      { 'data-level': level, 'data-topic': topic },
      element('time', { datetime: event.at }, clock(event.at)),
      event.target === undefined ? undefined : element('strong', {}, event.target),
      element('span', {}, text),
    ),
  );
  while (log.children.length > most) log.lastChild.remove();
};

const topicOf = ({ type, target, code, attempt }) => {
  if (type === 'delivered') return `delivered ${target}`;
  return type === 'state' && code !== undefined && attempt > 1 ? `${target} ${code}` : undefined;
};

const wordsFor = (event) => {
  switch (event.type) {
    case 'delivered':
      return { level: 'good', text: `took ${deliveryOf(event)}` };
    case 'state':
      return stateOf(event);
    case 'stuck':
      return { level: 'warn', text: `can not take ${event.path}: ${event.code}, ${event.text}` };
    case 'freed':
      return { level: 'good', text: `took ${event.path}, which was stuck` };
    case 'held':
      return event.held > 0
        ? { level: 'warn', text: `holds the deletes of ${plural(event.held, 'path')}` }
        : { level: 'good', text: 'holds no more deletes' };
    case 'reconcile-started':
      return {
        level: 'busy',
        text: `is compared (${event.reason}): ${plural(event.directories, 'directory', 'directories')} may differ`,
      };
    case 'reconcile-finished':
      return {
        level: 'good',
        text: `was compared: ${plural(event.directories, 'directory', 'directories')} sent`,
      };
    case 'watching':
      return { level: 'good', text: `Watching ${plural(event.directories, 'directory', 'directories')}` };
    case 'source-lost':
      return { level: 'bad', text: `${event.reason}. What to do: ${event.hint}` };
    case 'events-lost':
      return { level: 'warn', text: "The kernel's queue of events ran over: everything is compared" };
    case 'reloaded':
      return { level: 'good', text: 'The configuration was read again' };
    case 'more':
      return { level: 'waiting', text: `${plural(event.events, 'more event')}` };
    default:
      return { level: 'waiting', text: event.type };
  }
};

const deliveryOf = ({ paths, files, bytes: size, deleted }) =>
  [
    plural(paths, 'path'),
    ...(files > 0 ? [`${plural(files, 'file')} sent`] : []),
    ...(deleted > 0 ? [`${count(deleted)} deleted`] : []),
    bytes(size),
  ].join(', ');

const stateOf = ({ state, attempt, code, reason }) => {
  if (code !== undefined) {
    const words = { 'backing-off': 'is down', halted: 'needs you', suspended: 'waits for the source' };
    const tries = attempt > 1 ? ` (${attempt} tries)` : '';
    return { level: 'bad', text: `${words[state] ?? state}: ${code}, ${reason}${tries}` };
  }
  return { level: 'good', text: state === 'stopped' ? 'stopped' : 'takes changes again' };
};
