import { Argument, type Command, Option } from 'commander';
import type { CommandSpec } from './commands.js';

/**
 * Adds a command of the table to the program.
 * @param perform gets what is to be done with the configuration that `--config` names, or without one
 */
export const defineCommand = (
  program: Command,
  spec: CommandSpec,
  perform: (task: (file: string) => Promise<number>, options: { readonly config?: string }) => Promise<void>,
): void => {
  const { name, summary, usage, words = [], options = [], exitCodes = {}, needsConfig = true } = spec;
  const command = program
    .command(name)
    .description(summary)
    .usage(needsConfig ? `--config <file> ${usage}`.trimEnd() : usage)
    .helpOption('-h, --help', 'print this and end');
  for (const { name: word, choices } of words) {
    const argument = new Argument(word.startsWith('[') ? word : `<${word}>`);
    command.addArgument(choices === undefined ? argument : argument.choices([...choices]));
  }
  for (const { flags, description, default: value, isList } of options) {
    const option = new Option(flags, description);
    if (value !== undefined) option.default(value);
    if (isList === true)
      option.argParser((each: string, before: string[] | undefined) => [...(before ?? []), each]);
    command.addOption(option);
  }
  const codes = Object.entries(exitCodes).map(([code, what]) => `  ${code}  ${what}\n`);
  if (codes.length > 0)
    command.addHelpText('after', `\nExit codes:\n${codes.join('')}  others: imgsync-fast --help`);
  command.action((...given: unknown[]) => {
    const said = given.slice(0, words.length);
    const all: Readonly<Record<string, unknown>> & { readonly config?: string } = command.optsWithGlobals();
    return perform(
      (file) =>
        spec.run({
          file,
          words: said.filter((word) => typeof word === 'string'),
          lists: said.filter((word): word is string[] => Array.isArray(word)),
          options: all,
        }),
      all,
    );
  });
};
