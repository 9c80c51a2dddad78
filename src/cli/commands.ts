import type { DeletesAction } from './deletes.js';

/** What a command gets: its words in their order, those of a list as one, and its options by their long names. */
export interface CommandCall {
  readonly words: readonly string[];
  readonly lists: readonly (readonly string[])[];
  readonly options: Readonly<Record<string, unknown>>;
  /** Of `--config`. */
  readonly file: string;
}

export interface CommandWord {
  /** `name`, `[name]` when it may be left out, `name...` for several. */
  readonly name: string;
  readonly choices?: readonly string[];
}

export interface CommandOption {
  /** As commander writes it: `--timeout <time>`. */
  readonly flags: string;
  readonly description: string;
  readonly default?: string;
  /** Whether it may be given several times. */
  readonly isList?: true;
}

/** One verb of the command line. Help, completion and manual pages can be made from this. */
export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  readonly words?: readonly CommandWord[];
  readonly options?: readonly CommandOption[];
  /** How it is written, without its name. */
  readonly usage: string;
  /** Exit codes of its own, beside 64, 69, 70 and 78. */
  readonly exitCodes?: Readonly<Record<number, string>>;
  /** Loads what it needs and carries it out. @returns the exit code */
  run(call: CommandCall): Promise<number>;
}

const json: CommandOption = { flags: '--json', description: 'the answer as one JSON document' };
const oneTarget: CommandOption = { flags: '--target <name>', description: 'this target alone' };

const flag = ({ options }: CommandCall, name: string): boolean => options[name] === true;
const text = ({ options }: CommandCall, name: string): string | undefined => {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
};
const texts = ({ options }: CommandCall, name: string): readonly string[] => {
  const value = options[name];
  return Array.isArray(value) ? value : [];
};

/** The verbs that ask a running imgsync-fast. */
export const commands: readonly CommandSpec[] = [
  {
    name: 'wait',
    summary: 'wait until what is at the source now is at the targets',
    options: [
      {
        flags: '--path <path>',
        description: 'only this file or directory: in the source, or relative to it; may be repeated',
        isList: true,
      },
      {
        flags: '--target <which>',
        description: 'all, a number of targets, or names: NAME,NAME',
        default: 'all',
      },
      { flags: '--timeout <time>', description: 'longest time: 500ms, 30s, 5m', default: '30s' },
      json,
    ],
    usage: '[--path <path>]… [--target all|<number>|<name>,…] [--timeout 30s] [--json]',
    exitCodes: {
      0: 'it is there',
      1: 'a path never gets there: a rule excludes it',
      3: 'not in sync when the time was over',
    },
    run: async (call) =>
      (await import('./wait.js')).wait(call.file, {
        paths: texts(call, 'path'),
        target: text(call, 'target') ?? 'all',
        timeout: text(call, 'timeout') ?? '30s',
        json: flag(call, 'json'),
      }),
  },
  {
    name: 'deletes',
    summary: 'show what the guard of deletes holds, let it go (approve) or keep it at the targets (reject)',
    words: [{ name: 'action', choices: ['list', 'approve', 'reject'] satisfies DeletesAction[] }],
    options: [oneTarget, json],
    usage: 'list|approve|reject [--target <name>] [--json]',
    run: async (call) =>
      (await import('./deletes.js')).deletes(call.file, call.words[0] as DeletesAction, {
        target: text(call, 'target'),
        json: flag(call, 'json'),
      }),
  },
];
