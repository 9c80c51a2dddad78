import type { ConfigInput } from '../../schema.js';
import type { Report } from '../report.js';
import type { RsyncParams } from '../rsync-params.js';
import type { XmlElement } from '../xml.js';
import { childOf, isOn, textOf } from './element.js';

/** What sersync lost when a toggle was off. */
const lostWhenOff: ReadonlyMap<string, string> = new Map([
  ['createFolder', 'off, sersync did not even watch new directories; they are replicated with all they hold'],
  [
    'createFile',
    'off, sersync never sent hard links, symbolic links and files that were linked into place: no closeWrite comes for them. They are replicated',
  ],
  ['closeWrite', 'what was written is sent when the writer closes it; that can not be switched off'],
  ['moveTo', 'what is moved into a directory is sent; that can not be switched off'],
  [
    'attrib',
    'changes of mode, owner and time alone were not sent; they are now. "events": {"attrib": false} leaves them out',
  ],
]);

export const readEvents = (
  head: XmlElement,
  params: RsyncParams,
  report: Report,
): { deletes: boolean; rest: Partial<ConfigInput> } => {
  const inotify = childOf(head, 'inotify');
  const deletes = readDeletes(inotify ?? head, childOf(inotify, 'delete'), params, report);
  for (const [name, message] of lostWhenOff) {
    const toggle = childOf(inotify, name);
    if (toggle === undefined) continue;
    report.note(toggle, {
      kind: isOn(toggle) ? 'carried' : 'changed',
      about: `inotify/${name} start="${textOf(toggle, 'start')}"`,
      message: isOn(toggle) ? 'as it was' : message,
      key: 'events',
    });
  }
  noteMovesAway(childOf(inotify, 'moveFrom'), deletes, report);
  const modify = childOf(inotify, 'modify');
  if (isOn(modify))
    report.note(modify, {
      kind: 'changed',
      about: 'inotify/modify start="true"',
      message:
        'sersync sent the file at every write; now one that is held open is sent whenever its writer pauses',
      key: 'events',
    });
  return { deletes, rest: { events: { attrib: true, modify: isOn(modify) }, ...readDebug(head, report) } };
};

const readDeletes = (
  inotify: XmlElement,
  toggle: XmlElement | undefined,
  params: RsyncParams,
  report: Report,
): boolean => {
  if (isOn(toggle)) {
    report.note(toggle, {
      kind: 'carried',
      about: 'inotify/delete start="true"',
      message:
        'what is gone from the source is deleted at the targets, and so is, at every comparison, what only they have',
      key: 'delete',
    });
    return true;
  }
  report.note(toggle ?? inotify, {
    kind: 'carried',
    about:
      toggle === undefined ? 'inotify without delete' : `inotify/delete start="${textOf(toggle, 'start')}"`,
    message: params.deletes
      ? 'nothing is deleted, although commonParams holds --delete, with which the full sync deleted all the same'
      : 'nothing is deleted at the targets, what is moved away neither',
    key: 'delete',
  });
  return false;
};

const noteMovesAway = (toggle: XmlElement | undefined, deletes: boolean, report: Report): void => {
  if (toggle === undefined) return;
  const isDifferent = !isOn(toggle) && deletes;
  report.note(toggle, {
    kind: isDifferent ? 'changed' : 'carried',
    about: `inotify/moveFrom start="${textOf(toggle, 'start')}"`,
    message: isDifferent
      ? 'off, what was moved out of the tree stayed at the targets until the next full sync; now it is deleted like everything that is gone. "delete": false keeps it'
      : 'as it was',
    key: 'delete',
  });
};

const readDebug = (head: XmlElement, report: Report): Partial<ConfigInput> => {
  const debug = childOf(head, 'debug');
  if (!isOn(debug)) return {};
  report.note(debug, { kind: 'carried', about: 'debug', message: 'level of the log', key: 'log' });
  return { log: { level: 'debug' } };
};
