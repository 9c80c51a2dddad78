import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface UnitOptions {
  /** The folder of package.json. */
  readonly root: string;
  /** Absolute paths of node and of the program that it runs. */
  readonly command: readonly [node: string, program: string];
  /** Whether it is the unit with one instance for each tree. */
  readonly isTemplate: boolean;
  /** Default: as the unit says. */
  readonly user?: string | undefined;
  /** Absolute path of the configuration; `%i` in it is the instance's name. Default: as the unit says. */
  readonly config?: string | undefined;
}

/** The unit of deploy/systemd with the paths of this installation. */
export const unitText = ({ root, command, isTemplate, user, config }: UnitOptions): string => {
  const name = isTemplate ? 'imgsync-fast@.service' : 'imgsync-fast.service';
  const text = readFileSync(join(root, 'deploy', 'systemd', name), 'utf8');
  const program = command.map(quoted).join(' ');
  return text
    .replace(/^ExecStart=\S+ --config (\S+)$/m, (_line, path: string) => {
      const file = config === undefined ? path : isTemplate ? spaced(config) : quoted(config);
      return `ExecStart=${program} --config ${file}`;
    })
    .replace(/^User=.*$/m, (line) => (user === undefined ? line : `User=${user}`));
};

/** A word of a command line of systemd.service(5), in which `%` and `$` and blanks mean something. */
const quoted = (path: string): string => spaced(path.replaceAll('%', '%%'));

const spaced = (path: string): string => {
  const text = path.replaceAll('$', '$$$$');
  return /[\s"'\\;]/.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : text;
};

/** Names as useradd(8) takes them. */
export const isUserName = (name: string): boolean => /^[a-z_][a-z0-9_-]{0,30}\$?$/i.test(name);
