import { readFile, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { parse } from 'jsonc-parser';
import { loadConfig } from '../config/load.js';

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

/** A path of the command line as the running one takes it: an absolute one may lead to the source through links. */
export const pathForSource = async (source: string, text: string): Promise<string> => {
  if (!isAbsolute(text) || text === source || text.startsWith(`${source}/`)) return text;
  const folder = await realpath(dirname(text)).catch(() => undefined);
  return folder === undefined ? text : join(folder, basename(text));
};
