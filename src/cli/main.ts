#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, Option } from 'commander';
import type { LogLevel } from '../config/config.js';
import { ConfigError, ReplicationError } from '../core/errors.js';
import { commands } from './commands.js';
import { defineCommand } from './define-command.js';
import { exitCodeOf, exitCodes } from './exit-codes.js';
import { answerToSersync } from './sersync-options.js';
import { addServiceCommands } from './service/commands.js';
import { errorText } from './service/journal.js';

// Only this file ends the process. What a run needs is loaded when there is one: help and version answer at once.

interface Options {
  readonly config: string;
  readonly check?: true;
  readonly logLevel?: LogLevel;
  /** False by `--no-initial-sync`. */
  readonly initialSync: boolean;
  readonly hooksOnly?: true;
}

const main = async (argv: readonly string[]): Promise<number> => {
  const answers = answerToSersync(argv.slice(2));
  if (answers.length > 0) {
    process.stderr.write(`${answers.join('\n')}\n(imgsync-fast --help says more)\n`);
    return exitCodes.usage;
  }
  let exitCode: number = exitCodes.ok;
  const program = createProgram(async (task) => {
    exitCode = await task;
  });
  try {
    await program.parseAsync(argv);
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    process.stderr.write(errorText(`${textOf(error)}\n`));
    return exitCodeOf(error);
  }
};

const textOf = (error: unknown): unknown => {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof ReplicationError) return `${error.message}: ${error.hint} (${error.code})`;
  return error instanceof Error ? error.stack : error;
};

const createProgram = (perform: (task: Promise<number>) => Promise<void>): Command => {
  const root = packageRoot();
  const { version, description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const program: Command = new Command('imgsync-fast')
    .description(description)
    .version(version, '-V, --version', 'print the version and end')
    .helpOption('-h, --help', 'print this and end')
    .option('-c, --config <file>', 'the configuration: JSON, comments allowed')
    .option('--check', 'the same as the command check')
    .addOption(
      new Option('--log-level <level>', 'overrides log.level of the configuration').choices([
        'trace',
        'debug',
        'info',
        'warn',
        'error',
      ] satisfies LogLevel[]),
    )
    .option('--no-initial-sync', 'send only what changes from now on')
    .option('--hooks-only', 'replicate nothing: tell the hooks of every change')
    .addHelpText('after', () => helpText(root))
    .showHelpAfterError('(imgsync-fast --help says more)')
    .exitOverride()
    .action((options: Partial<Options>) => withConfig(options.check === true ? check : start, options));
  const withConfig = (
    task: (options: Options) => Promise<number>,
    options: Partial<Options>,
  ): Promise<void> => {
    const { config, initialSync = true } = options;
    if (config === undefined) program.error("error: required option '-c, --config <file>' not specified");
    return perform(task({ ...options, config, initialSync }));
  };
  for (const spec of commands)
    defineCommand(program, spec, (task, options) =>
      spec.needsConfig === false
        ? perform(task(options.config ?? ''))
        : withConfig(({ config }) => task(config), options),
    );
  program.helpCommand(false);
  addServiceCommands(program, root);
  return program;
};

const check = async ({ config }: Options): Promise<number> => (await import('./check.js')).check(config);

const start = async ({ config, logLevel, initialSync, hooksOnly }: Options): Promise<number> => {
  const { loadAddon } = await import('../native/addon.js');
  // Before the packages with native parts of their own, for it says what to do where there is none.
  loadAddon();
  const { run } = await import('./run.js');
  return run(config, { logLevel, initialSync, hooksOnly: hooksOnly === true });
};

const helpText = (root: string): string => `
Examples:
  imgsync-fast check --config sync.json     check the configuration
  imgsync-fast doctor --config sync.json    look at kernel, source, state directory and every target
  imgsync-fast --config sync.json           replicate until SIGTERM or SIGINT
  imgsync-fast -c sync.json --log-level debug
  imgsync-fast wait -c sync.json --path a/b.jpg    until every target has it
  imgsync-fast deletes list -c sync.json    what waits for a decision
  imgsync-fast import confxml.xml -o sync.json    from sersync; lsyncd.conf.lua likewise

Signals:
  SIGTERM, SIGINT   finish the running transfers and end; a second one cuts them
  SIGHUP            read the configuration again and apply what changed, open log.file anew; on a terminal the same
                    as SIGTERM
  SIGUSR1           write the status to the log
  SIGUSR2           switch the log between log.level and debug

Exit codes:
  0    done; stopped by a signal; the configuration is right
  1    not done; doctor found something that fails
  3    not in sync when the time of a wait was over, or a comparison found differences
  4    done for some of the targets
  64   wrong command line
  69   the source can not be watched (missing, unreadable, limit of inotify reached); no imgsync-fast runs that could be
       asked
  70   fault in imgsync-fast itself
  78   wrong configuration
  129, 130, 143   cut by a second SIGHUP, SIGINT, SIGTERM

All keys of the configuration: ${join(root, 'docs', 'configuration.md')}`;

/** The folder of package.json, from the sources as they are compiled. */
const packageRoot = (): string => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
};

process.exit(await main(process.argv));
