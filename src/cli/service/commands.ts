import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { Argument, type Command, InvalidArgumentError } from 'commander';
import { completionScript, type Shell, shells } from './completion.js';
import { manPage } from './man-page.js';
import { isUserName, unitText } from './unit.js';

/**
 * Adds what helps to install the program: `service print`, `completion`, and `manual`, from which the man page is made. The
 * latter two show the commands that were added to the program, later ones included.
 * @param root the folder of package.json
 */
export const addServiceCommands = (program: Command, root: string): void => {
  const service = program
    .command('service')
    .description('what is needed to run it as a service of systemd')
    .helpOption('-h, --help', 'print this and end')
    .helpCommand(false);
  service
    .command('print')
    .description('print the unit with the paths of this installation')
    .usage('[--template] [--user <name>] [--config <file>] > /etc/systemd/system/imgsync-fast.service')
    .option('--template', 'the unit with one instance for each tree, imgsync-fast@.service')
    .option('--user <name>', 'the user that it runs as', userName)
    .helpOption('-h, --help', 'print this and end')
    .action((_options: unknown, command: Command) => {
      const { template, user, config } = command.optsWithGlobals<{
        template?: true;
        user?: string;
        config?: string;
      }>();
      const [node, main] = process.argv as [string, string];
      write(
        unitText({
          root,
          command: [node, realpathSync(main)],
          isTemplate: template === true,
          user,
          config: config === undefined ? undefined : resolve(config),
        }),
      );
    });
  program
    .command('completion')
    .description('print what makes a shell complete the commands and options')
    .addArgument(new Argument('<shell>').choices(shells))
    .usage(shells.join('|'))
    .helpOption('-h, --help', 'print this and end')
    .action((shell: Shell) => write(completionScript(program, shell)));
  program
    .command('manual', { hidden: true })
    .description('print the source of the man page')
    .action(() => write(manPage(program)));
};

const userName = (name: string): string => {
  if (!isUserName(name)) throw new InvalidArgumentError('It is no name of a user.');
  return name;
};

const write = (text: string): void => {
  process.stdout.write(text);
};
