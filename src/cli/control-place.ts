import { readFile, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { parse } from 'jsonc-parser';
import { loadConfig } from '../config/load.js';
import { bytesOfArgument } from './raw-arguments.js';

/** Where the one that runs with a configuration is found. */
export interface ControlPlace {
  readonly stateDir: string;
  readonly source: string;
}

/**
 * Reads from a configuration where its imgsync-fast is found. What is wrong with the rest, or a source that is away, is no
 * reason not to ask it. Rejects with what `loadConfig` does when `stateDir` or `source` can't be told.
 */
export const controlPlace = (file: string): Promise<ControlPlace> =>
  loadConfig(file).catch(async (error: unknown) => {
    const text = await readFile(file, 'utf8').catch(() => '');
    const found: unknown = parse(text, [], { allowTrailingComma: true });
    const { stateDir, source } = (typeof found === 'object' && found !== null ? found : {}) as Record<
      string,
      unknown
    >;
    if (typeof stateDir !== 'string' || !isAbsolute(stateDir) || typeof source !== 'string') throw error;
    return { stateDir, source };
  });

/** A path as the control socket takes it. */
export type AskedPath = string | { readonly base64: string };

/**
 * A path of the command line as the running one takes it: an absolute one may lead to the source through links. To be asked
 * once for each path, in their order; see {@link bytesOfArgument}.
 */
export const pathForSource = async (source: string, text: string): Promise<AskedPath> => {
  const bytes = bytesOfArgument(text);
  const path = bytes ?? Buffer.from(text);
  const inSource = await throughLinks(source, path);
  return bytes === undefined ? inSource.toString() : { base64: inSource.toString('base64') };
};

const throughLinks = async (source: string, path: Buffer): Promise<Buffer> => {
  // One character for each byte.
  const text = path.toString('latin1');
  const root = Buffer.from(source).toString('latin1');
  if (!isAbsolute(text) || text === root || text.startsWith(`${root}/`)) return path;
  const above = Buffer.from(dirname(text), 'latin1');
  const folder = await realpath(above, { encoding: 'buffer' }).catch(() => undefined);
  if (folder === undefined) return path;
  return Buffer.from(join(folder.toString('latin1'), basename(text)), 'latin1');
};
