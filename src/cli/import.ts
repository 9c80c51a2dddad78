import { existsSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { configText } from '../config/import/config-text.js';
import { importLsyncd } from '../config/import/lsyncd/import-lsyncd.js';
import { formatRemark, type ImportedConfig } from '../config/import/remark.js';
import { readFailScript } from '../config/import/sersync/fail-script.js';
import { importSersync } from '../config/import/sersync/import-sersync.js';
import { loadConfig } from '../config/load.js';
import { ConfigError, ReplicationError } from '../core/errors.js';
import { asRelPath, displayPath } from '../core/path.js';
import { exitCodes } from './exit-codes.js';

export interface ImportOptions {
  /** Where the configuration goes; without it to standard output. Several get their names put into it. */
  readonly output: string | undefined;
  /** Only the lint. */
  readonly check: boolean;
}

/**
 * Turns the configuration of another program into ours and says what became of each of its parts.
 * @returns The exit code. Rejects with a `ConfigError` when the file can't be read or there is no configuration in it.
 */
export const importFile = async (file: string, { output, check }: ImportOptions): Promise<number> => {
  const { configs, failScript } = readOld(await readBytes(file), file);
  const lint = lintOf(configs, file) + (await failedOf(failScript));
  if (check) {
    process.stdout.write(lint);
    return exitCodes.ok;
  }
  process.stderr.write(lint);
  const [only, second] = configs;
  if (output === undefined) {
    if (only === undefined || second !== undefined)
      throw new ConfigError(file, [
        {
          pointer: '',
          message: `holds ${configs.length} trees, each with a configuration of its own: name them with -o sync.json`,
        },
      ]);
    process.stdout.write(configText(only, file));
    return exitCodes.ok;
  }
  for (const config of configs)
    await write(second === undefined ? output : named(output, config.name), configText(config, file));
  return exitCodes.ok;
};

const readOld = (bytes: Uint8Array, file: string): Old =>
  /\.xml$/i.test(file) || /^\W{0,4}</.test(Buffer.from(bytes).toString('latin1'))
    ? importSersync(bytes, file)
    : { configs: importLsyncd(bytes, file, readLines), failScript: undefined };

interface Old {
  readonly configs: readonly ImportedConfig[];
  readonly failScript: string | undefined;
}

const readLines = (path: string): readonly string[] | undefined => {
  try {
    return readFileSync(path, 'latin1').split(/\r?\n/);
  } catch {
    return undefined;
  }
};

const readBytes = async (file: string): Promise<Uint8Array> => {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new ConfigError(file, [{ pointer: '', message: `can't be read: ${reasonOf(cause)}` }], { cause });
  }
};

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What concerns several trees is said once. */
const lintOf = (configs: readonly ImportedConfig[], file: string): string => {
  const remarks = [...new Set(configs.flatMap((config) => config.remarks))];
  remarks.sort((a, b) => a.line - b.line || a.column - b.column);
  return remarks.map((remark) => `${formatRemark(file, remark)}\n`).join('');
};

/** `sync.json` and `images` -> `sync-images.json`. */
const named = (output: string, name: string): string => {
  const extension = extname(output);
  return `${output.slice(0, output.length - extension.length)}-${name}${extension}`;
};

/** Never over a file that is there. What the configuration still needs on this machine is said. */
const write = async (file: string, text: string): Promise<void> => {
  if (existsSync(file))
    throw new ConfigError(file, [{ pointer: '', message: 'is there already: name another file' }]);
  await writeFile(file, text, { flag: 'wx' }).catch((cause: unknown) => {
    throw new ConfigError(file, [{ pointer: '', message: `can't be written: ${reasonOf(cause)}` }], {
      cause,
    });
  });
  process.stdout.write(`${file}: written\n`);
  await loadConfig(file).catch((error: unknown) => {
    if (!(error instanceof ReplicationError)) throw error;
    process.stderr.write(`${error.message}\n`);
  });
};

const shownPaths = 20;

/** What sersync had not delivered yet, from the script that it would have run. */
const failedOf = async (script: string | undefined): Promise<string> => {
  if (script === undefined || !existsSync(script)) return '';
  const { sent, deleted, fullSyncs, strange } = readFailScript(await readFile(script, 'latin1'));
  if (sent.length + deleted.length + fullSyncs + strange === 0) return '';
  const paths = [...sent, ...deleted];
  const lines = paths.slice(0, shownPaths).map((path) => `${script}:   ${displayPath(asRelPath(path))}\n`);
  const more = paths.length > shownPaths ? `${script}:   … and ${paths.length - shownPaths} more\n` : '';
  return (
    `${script}: it was read, not run: ${sent.length} files and ${deleted.length} deletes that targets had not taken, ` +
    `${fullSyncs} full syncs, ${strange} other lines. The first sync of imgsync-fast delivers all of it\n${lines.join('')}${more}`
  );
};
