import type { Command, Option } from 'commander';
import {
  type CommandEntry,
  commandTable,
  flagsOf,
  takesValue,
  type Values,
  valuesOfArgument,
  valuesOfOption,
} from './command-table.js';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** The text that makes this shell complete the commands, options and values of a program. Pure. */
export const completionScript = (program: Command, shell: Shell): string => {
  const entries = commandTable(program);
  const name = program.name();
  switch (shell) {
    case 'bash':
      return bashScript(name, entries);
    case 'zsh':
      return zshScript(name, entries);
    case 'fish':
      return fishScript(name, entries);
  }
};

const pathOf = ({ path }: CommandEntry): string => path.join(' ');

/** `imgsync-fast` -> `_imgsync_fast`. */
const functionOf = (name: string): string => `_${name.replace(/\W/g, '_')}`;

const bashScript = (name: string, entries: readonly CommandEntry[]): string => {
  const words = entries.flatMap(({ path, subcommands }) =>
    subcommands.map((sub) => [...path, sub.name]).map((to) => [path.join(' '), to] as const),
  );
  const steps = words.map(
    ([from, to]) => `      '${from}|${to.at(-1)}') path='${to.join(' ')}'; position=0 ;;`,
  );
  const valued = entries.flatMap((entry) =>
    entry.options.filter(takesValue).map((option) => ({
      pattern: flagsOf(option)
        .map((flag) => `'${pathOf(entry)}|${flag}'`)
        .join('|'),
      values: valuesOfOption(option),
    })),
  );
  const options = entries.map(
    (entry) => `    '${pathOf(entry)}') options='${entry.options.flatMap(flagsOf).join(' ')}' ;;`,
  );
  const places = entries.flatMap((entry) => [
    ...(entry.subcommands.length === 0
      ? []
      : [
          `    '${pathOf(entry)}|0') COMPREPLY=($(compgen -W '${entry.subcommands.map((sub) => sub.name).join(' ')}' -- "$cur")) ;;`,
        ]),
    ...entry.arguments.map((argument, index) => {
      const place = argument.variadic ? `'${pathOf(entry)}|'*` : `'${pathOf(entry)}|${index}'`;
      return `    ${place}) ${bashReply(valuesOfArgument(argument))} ;;`;
    }),
  ]);
  return `# Completion of ${name} for bash: in /etc/bash_completion.d, or by: source <(${name} completion bash)
${functionOf(name)}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} path='' position=0 options='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path|\${COMP_WORDS[i]}" in
${steps.join('\n')}
${valued.length === 0 ? '' : `      ${valued.map(({ pattern }) => pattern).join('|')}) ((i++)) ;;\n`}      *'|-'*) ;;
      *) ((position++)) ;;
    esac
  done
  case "$path|$prev" in
${valued.map(({ pattern, values }) => `    ${pattern}) ${bashReply(values)}; return ;;`).join('\n')}
  esac
  case "$path" in
${options.join('\n')}
  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$cur"))
    return
  fi
  case "$path|$position" in
${places.join('\n')}
  esac
}
complete -o filenames -F ${functionOf(name)} ${name}
`;
};

const bashReply = (values: Values): string => {
  if (values === 'file') return `mapfile -t COMPREPLY < <(compgen -f -- "$cur")`;
  return values === 'any' ? ':' : `COMPREPLY=($(compgen -W '${values.join(' ')}' -- "$cur"))`;
};

/** Between single quotes; the shells agree on that. */
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const zshScript = (name: string, entries: readonly CommandEntry[]): string => {
  const functions = entries.map((entry) => {
    const own = functionOf([name, ...entry.path].join('_'));
    const specs = [
      ...entry.options.map(zshOption),
      ...entry.arguments.map(
        (argument, index) =>
          `${quote(`${argument.variadic ? '*' : index + 1}:${zshText(argument.name())}:${zshValues(valuesOfArgument(argument))}`)}`,
      ),
    ];
    if (entry.subcommands.length === 0) return `${own}() {\n  _arguments ${specs.join(' \\\n    ')}\n}`;
    const described = entry.subcommands.map(({ name: sub, description }) =>
      quote(`${sub}:${description.replaceAll(':', '\\:')}`),
    );
    const cases = entry.subcommands.map(
      ({ name: sub }) => `        ${sub}) ${functionOf([name, ...entry.path, sub].join('_'))} ;;`,
    );
    return `${own}() {
  local curcontext=$curcontext state line
  typeset -A opt_args
  _arguments -C ${[...specs, "'1: :->command'", "'*:: :->rest'"].join(' \\\n    ')}
  case $state in
    command)
      local -a commands=(
        ${described.join('\n        ')}
      )
      _describe command commands ;;
    rest)
      case $line[1] in
${cases.join('\n')}
      esac ;;
  esac
}`;
  });
  return `#compdef ${name}
# Completion of ${name} for zsh: as _${name} in a folder of $fpath, or by: source <(${name} completion zsh)
${functions.join('\n\n')}

if [ "$funcstack[1]" = "_${name}" ]; then
  ${functionOf(name)} "$@"
else
  compdef ${functionOf(name)} ${name}
fi
`;
};

const zshOption = (option: Option): string => {
  const flags = flagsOf(option);
  const value = takesValue(option) ? `:value:${zshValues(valuesOfOption(option))}` : '';
  const tail = quote(`[${zshText(option.description)}]${value}`);
  return flags.length === 1
    ? `${flags[0]}${tail}`
    : `${quote(`(${flags.join(' ')})`)}{${flags.join(',')}}${tail}`;
};

const zshText = (text: string): string => text.replace(/[[\]:\\]/g, '\\$&');

const zshValues = (values: Values): string => {
  if (values === 'file') return '_files';
  return values === 'any' ? ' ' : `(${values.join(' ')})`;
};

const fishScript = (name: string, entries: readonly CommandEntry[]): string => {
  const lines = entries.flatMap((entry) => {
    const isHere = entry.path.map((word) => `__fish_seen_subcommand_from ${word}`);
    const subs = entry.subcommands.map((sub) => sub.name).join(' ');
    const notBelow = subs === '' ? [] : [`not __fish_seen_subcommand_from ${subs}`];
    const condition = [...isHere, ...notBelow].join('; and ');
    const when = condition === '' ? '' : ` -n ${quote(condition)}`;
    return [
      ...entry.subcommands.map(
        (sub) => `complete -c ${name} -f${when} -a ${sub.name} -d ${fishQuote(sub.description)}`,
      ),
      ...entry.options.map(
        (option) =>
          `complete -c ${name}${when}${flagsOf(option).map(fishFlag).join('')}${takesValue(option) ? fishValues(valuesOfOption(option)) : ''} -d ${fishQuote(option.description)}`,
      ),
      ...entry.arguments.flatMap((argument) => {
        const values = valuesOfArgument(argument);
        if (values === 'any') return [];
        return `complete -c ${name}${when} ${values === 'file' ? '-F' : `-f -a ${fishQuote(values.join(' '))}`}`;
      }),
    ];
  });
  return `# Completion of ${name} for fish: ${name} completion fish > ~/.config/fish/completions/${name}.fish
complete -c ${name} -f
${lines.join('\n')}
`;
};

const fishFlag = (flag: string): string =>
  flag.startsWith('--') ? ` -l ${flag.slice(2)}` : ` -s ${flag.slice(1)}`;

const fishValues = (values: Values): string => {
  if (values === 'file') return ' -r -F';
  return values === 'any' ? ' -x' : ` -x -a ${fishQuote(values.join(' '))}`;
};

const fishQuote = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
