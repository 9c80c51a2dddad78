import type { ConfigInput } from '../../schema.js';
import type { Report } from '../report.js';
import type { XmlElement } from '../xml.js';
import { childOf, childrenOf, isOn, textOf } from './element.js';

/** What sersync took when the schedule was no number, minutes. */
const defaultMinutes = 600;

/** The scheduled full sync, and what only it left out. */
export const readCrontab = (
  head: XmlElement,
  sersync: XmlElement | undefined,
  report: Report,
): { readonly exclude: readonly string[] } & Pick<ConfigInput, 'fullSync'> => {
  const crontab = childOf(sersync, 'crontab');
  if (crontab === undefined) return { exclude: [] };
  if (!isOn(crontab)) {
    report.note(crontab, { kind: 'dropped', about: 'crontab', message: 'it was switched off' });
    return { exclude: [] };
  }
  const minutes = Number.parseInt(textOf(crontab, 'schedule'), 10);
  const { schedule, isExact } = scheduleOf(minutes > 0 ? minutes : defaultMinutes);
  report.note(crontab, {
    kind: isExact ? 'carried' : 'changed',
    about: `crontab every ${minutes > 0 ? minutes : defaultMinutes} minutes`,
    message: `"${schedule}": ${isExact ? 'as often as before' : 'the nearest that a schedule can say, and not less often'}, by the clock instead of since the start. It makes every target read all of its tree; changes that a target did not take are tried again without it, so once a night is enough for most`,
    key: 'fullSync',
  });
  return {
    exclude: readCrontabFilter(head, childOf(crontab, 'crontabfilter'), report),
    fullSync: { schedule },
  };
};

/** Fields of cron that come as often, or a little more often where no fields say exactly that. */
const scheduleOf = (minutes: number): { readonly schedule: string; readonly isExact: boolean } => {
  if (minutes < 60) {
    const every = largestDivisor(60, minutes);
    return { schedule: every === 1 ? '* * * * *' : `*/${every} * * * *`, isExact: every === minutes };
  }
  if (minutes < 1_440) {
    const hours = largestDivisor(24, Math.floor(minutes / 60));
    return { schedule: hours === 1 ? '0 * * * *' : `0 */${hours} * * *`, isExact: hours * 60 === minutes };
  }
  return minutes < 10_080
    ? { schedule: '0 0 * * *', isExact: minutes === 1_440 }
    : { schedule: '0 0 * * 0', isExact: minutes === 10_080 };
};

const largestDivisor = (whole: number, most: number): number => {
  for (let part = most; part > 1; part--) if (whole % part === 0) return part;
  return 1;
};

const readCrontabFilter = (head: XmlElement, filter: XmlElement | undefined, report: Report): string[] => {
  const patterns = isOn(filter)
    ? childrenOf(filter, 'exclude')
        .map((exclude) => textOf(exclude, 'expression'))
        .filter((pattern) => pattern !== '')
    : [];
  if (filter === undefined || patterns.length === 0) return [];
  const about = `crontabfilter ${JSON.stringify(patterns)}`;
  if (isOn(childOf(head, 'filter'))) {
    report.note(filter, {
      kind: 'carried',
      about,
      message: 'part of the one list of excludes',
      key: 'exclude',
    });
    return patterns;
  }
  report.note(filter, {
    kind: 'changed',
    about,
    message:
      'only the full sync left these out, changes of them were sent. They are replicated; put them into exclude when that is not wanted',
    key: 'exclude',
  });
  return [];
};
