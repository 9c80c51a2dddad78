import type { Config } from '../config/config.js';
import { loadConfig } from '../config/load.js';
import { ConfigError } from '../core/errors.js';

/**
 * Loads a configuration together with targets that operators added. One that can not be used beside it, for the file has
 * it by now or its password file is gone, is left out and told.
 * Rejects with what `loadConfig` does.
 */
export const loadWithAdded = async (
  file: string,
  added: readonly unknown[],
  leftOut: (message: string) => void,
): Promise<Config> => {
  const usable: unknown[] = [];
  let config = await loadConfig(file);
  for (const target of added) {
    try {
      config = await loadConfig(file, [...usable, target]);
      usable.push(target);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      leftOut(error.faults.map(({ message }) => message).join('; '));
    }
  }
  return config;
};
