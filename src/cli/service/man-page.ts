import type { EventEmitter } from 'node:events';
import type { Command, Option } from 'commander';
import { type CommandEntry, commandTable } from './command-table.js';
import { pageDate, roffText } from './roff.js';

/** Headings of the help that have another name in manual pages. */
const headings: Readonly<Record<string, string>> = { 'EXIT CODES': 'EXIT STATUS' };

/** The source of imgsync-fast(1), from the table of commands and what the help says below it. */
export const manPage = (program: Command): string => {
  const [root, ...others] = commandTable(program);
  if (root === undefined) throw new Error('a program without itself');
  const name = program.name();
  const version = program.version() ?? '';
  return `${[
    `.TH ${name.toUpperCase().replaceAll('-', '\\-')} 1 "${pageDate}" "${name} ${version}" "User Commands"`,
    '.SH NAME',
    `${roffText(name)} \\- ${roffText(root.description)}`,
    '.SH SYNOPSIS',
    ...synopsisOf(name, [root, ...others]),
    '.SH DESCRIPTION',
    roffText(
      `${name} watches one directory tree and replicates every change to all targets of its configuration, which \`${name}.json\`(5) describes. It runs until a signal ends it. The commands ask or prepare one that runs.`,
    ),
    '.SH OPTIONS',
    ...root.options.flatMap(optionLines),
    '.SH COMMANDS',
    ...others.flatMap((entry) => commandLines(entry)),
    ...helpSections(program).flatMap(({ title, text }) => [
      `.SH ${headings[title.toUpperCase()] ?? title.toUpperCase()}`,
      '.nf',
      roffText(text),
      '.fi',
    ]),
    '.SH SEE ALSO',
    `.BR ${roffText(name)}.json (5),`,
    '.BR rsync (1),',
    '.BR rsyncd.conf (5),',
    '.BR inotify (7),',
    '.BR systemd.service (5)',
  ].join('\n')}\n`;
};

const synopsisOf = (name: string, entries: readonly CommandEntry[]): string[] =>
  entries
    .filter(({ path, subcommands }) => path.length === 0 || subcommands.length === 0)
    .flatMap(({ path, usage }, index) => {
      const words = [name, ...path].map((word) => `\\fB${roffText(word)}\\fR`).join(' ');
      const rest = path.length === 0 ? '--config <file> [options]' : usage;
      return [...(index === 0 ? [] : ['.br']), `${words} ${roffText(rest)}`];
    });

const commandLines = ({ path, description, usage, options, subcommands }: CommandEntry): string[] => {
  if (subcommands.length > 0) return [];
  const own = options.filter(({ long }) => long !== '--help');
  return [
    '.TP',
    `\\fB${roffText(path.join(' '))}\\fR ${roffText(usage)}`,
    roffText(description),
    ...(own.length === 0 ? [] : ['.RS', ...own.flatMap(optionLines), '.RE']),
  ];
};

const optionLines = (option: Option): string[] => {
  const { flags, description, argChoices } = option;
  const choices = argChoices === undefined ? '' : ` (${argChoices.join(', ')})`;
  return ['.TP', `\\fB${roffText(flags)}\\fR`, roffText(`${description}${choices}`)];
};

interface Section {
  readonly title: string;
  readonly text: string;
}

/** What was added to the help: blocks that begin with a title and a colon, all else indented. */
const helpSections = (program: Command): Section[] => {
  let help = '';
  // An emitter, although its types do not say so.
  (program as unknown as EventEmitter).emit('afterHelp', {
    error: false,
    command: program,
    write: (text: string) => {
      help += text;
    },
  });
  return [...help.matchAll(/^(\S[^\n]*):\n((?:[ \t][^\n]*\n?|\n(?=[ \t]))+)/gm)].map(
    ([, title = '', text = '']) => ({ title, text: text.trimEnd() }),
  );
};
