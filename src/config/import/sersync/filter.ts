import { patternsOf } from '../regex-pattern.js';
import type { Report } from '../report.js';
import type { DecodedText } from '../text-encoding.js';
import type { XmlElement } from '../xml.js';
import { childOf, childrenOf, isOn, noteBytes, textOf } from './element.js';

/** The excludes of live replication. */
export const readFilter = (head: XmlElement, decoded: DecodedText, report: Report): string[] => {
  const filter = childOf(head, 'filter');
  const excludes = childrenOf(filter, 'exclude');
  if (!isOn(filter)) {
    if (filter !== undefined && excludes.length > 0)
      report.note(filter, {
        kind: 'dropped',
        about: `filter start="${textOf(filter, 'start')}"`,
        message: `it was switched off: nothing is excluded. Its ${excludes.length} expressions would be ${switchedOff(excludes)}`,
        key: 'exclude',
      });
    return [];
  }
  report.note(filter, {
    kind: 'changed',
    about: 'filter',
    message:
      'it was for changes only: the full sync (-r, crontab) did not know it. Now one list is for watching, sending and deleting; what it excludes stays at the targets as it is',
    key: 'exclude',
  });
  return excludes.flatMap((exclude) => readExclude(exclude, decoded, report));
};

const switchedOff = (excludes: readonly XmlElement[]): string =>
  `"exclude": ${JSON.stringify(
    excludes.flatMap((exclude) => {
      const translation = patternsOf(textOf(exclude, 'expression'));
      return 'patterns' in translation ? translation.patterns : [];
    }),
  )}`;

const readExclude = (exclude: XmlElement, decoded: DecodedText, report: Report): readonly string[] => {
  const expression = textOf(exclude, 'expression');
  const about = `filter/exclude "${expression}"`;
  const translation = patternsOf(expression);
  if ('fault' in translation) {
    report.note(exclude, {
      kind: 'not carried',
      about,
      message: `${translation.fault}. What it excluded is replicated now`,
      key: 'exclude',
    });
    return [];
  }
  report.note(exclude, {
    kind: 'carried',
    about,
    message: translation.patterns.map((pattern) => JSON.stringify(pattern)).join(', '),
    key: 'exclude',
  });
  noteBytes(exclude, expression, 'names', decoded, report, 'exclude');
  return translation.patterns;
};

/** The names that sersync left out by itself. */
export const noteHiddenNames = (sersync: XmlElement, report: Report): void => {
  report.note(sersync, {
    kind: 'changed',
    about: 'names with a dot in front, a ~ at their end, and 4913',
    message:
      'sersync never sent a change of such files, but its full sync (-r, crontab) sent them. They are replicated like all others; the excludes ".*", "*~" and "4913" leave them out',
    key: 'exclude',
  });
};
