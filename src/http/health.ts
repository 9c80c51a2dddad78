import type { DaemonStatus } from '../daemon/status.js';

/** One thing that has to be so for it to be ready. */
export interface Check {
  readonly name: string;
  readonly isWell: boolean;
  readonly text: string;
}

/** @param needed targets that have to be up; never more than there are */
export const readinessOf = ({ live, directories, targets }: DaemonStatus, needed: number): Check[] => {
  const up = targets.filter((target) => target.up).length;
  const wanted = Math.min(needed, targets.length);
  return [
    {
      name: 'watches',
      isWell: live,
      text: live ? `${directories} directories are watched` : `setting up the watches, ${directories} so far`,
    },
    {
      name: 'targets',
      isWell: up >= wanted,
      text: `${up} of ${targets.length} targets are up, at least ${wanted} have to be`,
    },
  ];
};

/** One line for each check and one for all of them. */
export const linesOf = (checks: readonly Check[]): string =>
  [
    ...checks.map(({ name, isWell, text }) => `[${isWell ? '+' : '-'}] ${name}: ${text}`),
    wordFor(checks),
    '',
  ].join('\n');

export const wordFor = (checks: readonly Check[]): string =>
  checks.every(({ isWell }) => isWell) ? 'ok' : 'not ready';
