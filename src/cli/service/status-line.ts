import type { DaemonStatus, TargetState, TargetStatus } from '../../daemon/status.js';

/** Targets that are named; the others are counted. */
const maxNamed = 3;
const troubled: ReadonlySet<TargetState> = new Set(['backing-off', 'halted', 'suspended']);
/** What a target that failed is in while it is tried again. */
const busy: ReadonlySet<TargetState> = new Set(['transferring', 'reconciling']);
const numbers = new Intl.NumberFormat('en-US');

/** How it goes, in one line for `systemctl status`. Pure. */
export const statusLine = ({ live, directories, targets }: DaemonStatus): string => {
  const suspended = targets.find(({ state }) => state === 'suspended');
  if (!live && suspended !== undefined)
    return `All targets wait: ${suspended.reason ?? 'the source is away'}`;
  const counted = count(directories, 'directory', 'directories');
  if (!live) return `Setting up the watches: ${counted} so far`;
  return [`Watching ${counted}`, ...summaryOf(targets), ...troublesOf(targets)].join('; ');
};

const summaryOf = (targets: readonly TargetStatus[]): string[] => {
  if (targets.length === 0) return ['no targets'];
  const current = targets.filter(({ state, pending }) => state === 'idle' && pending === 0).length;
  const comparing = targets.filter(({ reconcile }) => reconcile !== undefined);
  const pending = sum(targets.map((target) => target.pending));
  const lag = Math.max(...targets.map(({ lagSeconds }) => lagSeconds));
  return [
    `${current} of ${count(targets.length, 'target', 'targets')} up to date`,
    ...(comparing.length === 0 ? [] : [`comparing ${comparing.length} (${shareOf(comparing)} %)`]),
    ...(pending === 0
      ? []
      : [`${count(pending, 'change waits', 'changes wait')}, the oldest for ${durationOf(lag)}`]),
  ];
};

const troublesOf = (targets: readonly TargetStatus[]): string[] => {
  const down = targets.filter(({ state, up }) => troubled.has(state) || (!up && busy.has(state)));
  const stuck = sum(targets.map((target) => target.stuck));
  const held = sum(targets.map((target) => target.held));
  return [
    ...down.slice(0, maxNamed).map(({ name, state, reason }) => {
      const is = troubled.has(state) ? state : 'tried again';
      return `${name} ${is}${reason === undefined ? '' : `: ${reason}`}`;
    }),
    ...(down.length > maxNamed ? [`${down.length - maxNamed} more wait`] : []),
    ...(stuck === 0 ? [] : [count(stuck, 'path stuck', 'paths stuck')]),
    ...(held === 0 ? [] : [count(held, 'delete held', 'deletes held')]),
  ];
};

const shareOf = (targets: readonly TargetStatus[]): number => {
  const total = sum(targets.map(({ reconcile }) => reconcile?.directoriesTotal ?? 0));
  const done = sum(targets.map(({ reconcile }) => reconcile?.directoriesDone ?? 0));
  return total === 0 ? 0 : Math.min(100, Math.floor((100 * done) / total));
};

const durationOf = (seconds: number): string => {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
};

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const count = (value: number, one: string, more: string): string =>
  `${numbers.format(value)} ${value === 1 ? one : more}`;
