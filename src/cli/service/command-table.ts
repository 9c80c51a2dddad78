import type { Argument, Command, Option } from 'commander';

/** One command as a shell or a reader sees it. */
export interface CommandEntry {
  /** `[]` is the program itself. */
  readonly path: readonly string[];
  readonly description: string;
  readonly usage: string;
  readonly arguments: readonly Argument[];
  /** Of its own, and those of the commands above that its usage names. Hidden ones are left out. */
  readonly options: readonly Option[];
  readonly subcommands: readonly { readonly name: string; readonly description: string }[];
}

/** Every command that is shown, those above before those below. */
export const commandTable = (program: Command): CommandEntry[] => entriesOf(program, [], []);

const entriesOf = (
  command: Command,
  path: readonly string[],
  inherited: readonly Option[],
): CommandEntry[] => {
  const help = command.createHelp();
  const usage = command.usage();
  const own = help.visibleOptions(command);
  const named = inherited.filter(
    (option) => !own.some(({ long }) => long === option.long) && isNamed(usage, option),
  );
  const below = help.visibleCommands(command);
  const entry = {
    path,
    description: command.description(),
    usage,
    arguments: command.registeredArguments,
    options: [...named, ...own],
    subcommands: below.map((sub) => ({ name: sub.name(), description: sub.description() })),
  };
  const passed = [...inherited, ...command.options.filter(({ hidden }) => !hidden)];
  return [entry, ...below.flatMap((sub) => entriesOf(sub, [...path, sub.name()], passed))];
};

/** `--config` also counts as named by commander's own `[options]`, for nearly every command wants it. */
const isNamed = (usage: string, { long }: Option): boolean =>
  long !== undefined &&
  long !== null &&
  (usage.includes(long) || (usage.startsWith('[options]') && long === '--config'));

/** `-c`, `--config`. */
export const flagsOf = ({ short, long }: Option): string[] => [short, long].flatMap((flag) => flag ?? []);

/** Whether a value follows. */
export const takesValue = ({ required, optional }: Option): boolean => required || optional;

/** What a value is: one of some words, a file, or anything. */
export type Values = readonly string[] | 'file' | 'any';

export const valuesOfOption = ({ argChoices, flags }: Option): Values => argChoices ?? kindOf(flags);

export const valuesOfArgument = (argument: Argument): Values =>
  argument.argChoices ?? kindOf(argument.name());

const kindOf = (label: string): Values => (/\b(?:files?|paths?)\b/i.test(label) ? 'file' : 'any');
