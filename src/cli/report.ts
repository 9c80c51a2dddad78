import type { DaemonStatus, TargetState, TargetStatus } from '../daemon/status.js';
import type { HookStatus } from '../hooks/hook-queue.js';

/** A target with how fast it is being filled. */
export interface TargetReport extends TargetStatus {
  readonly filesPerSecond: number;
  readonly bytesPerSecond: number;
}

/** What is known of a running replication, for people. */
export interface Report extends Omit<DaemonStatus, 'targets'> {
  readonly targets: readonly TargetReport[];
}

/** Fields of a log line that says how far a target is. */
export const progressOf = ({
  name,
  state,
  reconcile,
  filesSent,
  bytesSent,
  filesPerSecond,
  bytesPerSecond,
}: TargetReport): Record<string, unknown> => ({
  target: name,
  state,
  ...(reconcile === undefined
    ? {}
    : {
        directories: reconcile.directoriesDone,
        ofDirectories: reconcile.directoriesTotal,
        percent: Math.floor(100 * shareOf(reconcile)),
      }),
  files: filesSent,
  bytes: bytesSent,
  filesPerSecond: Math.round(filesPerSecond),
  bytesPerSecond: Math.round(bytesPerSecond),
});

const shareOf = ({ directoriesDone, directoriesTotal }: NonNullable<TargetStatus['reconcile']>): number =>
  directoriesTotal === 0 ? 0 : Math.min(1, directoriesDone / directoriesTotal);

interface Column {
  readonly title: string;
  readonly cell: (target: TargetReport) => string;
}

const numbers = new Intl.NumberFormat('en-US');
const columns: readonly Column[] = [
  { title: 'pending', cell: ({ pending }) => numbers.format(pending) },
  { title: 'lag', cell: ({ lagSeconds }) => durationOf(lagSeconds) },
  { title: 'files/s', cell: ({ filesPerSecond }) => numbers.format(Math.round(filesPerSecond)) },
  { title: 'MB/s', cell: ({ bytesPerSecond }) => (bytesPerSecond / 1e6).toFixed(1) },
  { title: 'sent', cell: ({ filesSent }) => numbers.format(filesSent) },
  { title: 'stuck', cell: ({ stuck }) => numbers.format(stuck) },
  { title: 'held', cell: ({ held }) => numbers.format(held) },
];

const lastSuccess = (now: number): Column => ({
  title: 'last success',
  cell: ({ lastSuccessAt }) =>
    lastSuccessAt === undefined
      ? '-'
      : `${durationOf(Math.max(0.1, (now - Date.parse(lastSuccessAt)) / 1000))} ago`,
});

const durationOf = (seconds: number): string => {
  if (seconds === 0) return '-';
  if (seconds < 60) return `${seconds.toFixed(1)}s`;
  return seconds < 5_400 ? `${Math.round(seconds / 60)}m` : `${(seconds / 3_600).toFixed(1)}h`;
};

const stateColors: Readonly<Record<TargetState, string>> = {
  starting: '',
  idle: '\x1b[32m',
  transferring: '\x1b[36m',
  reconciling: '\x1b[36m',
  'backing-off': '\x1b[33m',
  halted: '\x1b[31m',
  paused: '\x1b[33m',
  suspended: '\x1b[31m',
  stopped: '',
};

/**
 * A headline and one line for each target; numbers stand at the right of their columns.
 * @param now ms since the epoch: then a column says how long ago each target took something
 */
export const tableOf = (report: Report, colors: boolean, now?: number): string[] => {
  const { source, directories, live, targets, hooks = [] } = report;
  const names = ['target', ...targets.map(({ name }) => name)];
  const states = ['state', ...targets.map(({ state }) => state)];
  const shown = now === undefined ? columns : [...columns, lastSuccess(now)];
  const cells = shown.map(({ title, cell }) => [title, ...targets.map(cell)]);
  const notes = ['', ...targets.map(noteOf)];
  const [nameWidth, stateWidth, ...widths] = [names, states, ...cells].map((column) =>
    Math.max(...column.map(widthOf)),
  );
  const lines = names.map((name, line) =>
    [
      padEnd(name, nameWidth ?? 0),
      painted(padEnd(states[line] ?? '', stateWidth ?? 0), targets[line - 1]?.state, colors),
      ...cells.map((column, index) => (column[line] ?? '').padStart(widths[index] ?? 0)),
      notes[line] ?? '',
    ]
      .join('  ')
      .trimEnd(),
  );
  const counted = `${numbers.format(directories)} ${directories === 1 ? 'directory' : 'directories'}`;
  return [
    `${source}: ${counted} ${live ? 'watched' : 'found, setting up the watches'}`,
    ...lines,
    ...hooks.map(hookLine),
  ];
};

const hookLine = ({ name, waiting, delivered, failed, lost, lastError }: HookStatus): string =>
  [
    `hook ${name}: ${numbers.format(delivered)} calls`,
    ...Object.entries({ waiting, failed, lost }).flatMap(([word, count]) =>
      count === 0 ? [] : `${numbers.format(count)} ${word}`,
    ),
    ...(lastError === undefined ? [] : [lastError]),
  ].join(', ');

const noteOf = ({ reconcile, reason }: TargetStatus): string => {
  if (reason !== undefined) return reason;
  if (reconcile === undefined) return '';
  const { directoriesDone, directoriesTotal } = reconcile;
  const counts = `${numbers.format(directoriesDone)} of ${numbers.format(directoriesTotal)} directories compared`;
  return `${String(Math.floor(100 * shareOf(reconcile))).padStart(3)} %  ${counts}`;
};

const painted = (text: string, state: TargetState | undefined, colors: boolean): string => {
  const color = state === undefined || !colors ? '' : stateColors[state];
  return color === '' ? text : `${color}${text}\x1b[0m`;
};

/** Cells of a terminal: East Asian wide characters take two. */
const widthOf = (text: string): number =>
  [...text].reduce((width, character) => width + (wide.test(character) ? 2 : 1), 0);
const wide =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff01-\uff60]/u;

const padEnd = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)));
