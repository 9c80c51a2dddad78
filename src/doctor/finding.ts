/** `fail`: it will not work. `warn`: it works, but not as well as it could, or not for ever. */
export type Level = 'ok' | 'warn' | 'fail';

/** What one check found. Plain data. */
export interface Finding {
  readonly level: Level;
  /** What was looked at, a few words: `watches`, `connections`. */
  readonly check: string;
  /** Name of the target that it is about; absent: this host. */
  readonly target?: string;
  /** One line. */
  readonly text: string;
  /** What to do about it; absent when nothing is. */
  readonly remedy?: string;
}

export const ok = (check: string, text: string): Finding => ({ level: 'ok', check, text });

export const warn = (check: string, text: string, remedy: string): Finding => ({
  level: 'warn',
  check,
  text,
  remedy,
});

export const fail = (check: string, text: string, remedy: string): Finding => ({
  level: 'fail',
  check,
  text,
  remedy,
});

/** `fail  img65, dry run: auth failed …  (check the user …)`: one line, also when a name holds a line break. */
export const lineOf = ({ level, check, target, text, remedy }: Finding): string =>
  [
    `${level.padEnd(4)}  ${target === undefined ? '' : `${target}, `}${check}: ${text}`,
    ...(remedy === undefined ? [] : [`(${remedy})`]),
  ]
    .join('  ')
    .replace(/\p{Cc}+/gu, ' ');
