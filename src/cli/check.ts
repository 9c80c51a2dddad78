import { loadConfig } from '../config/load.js';
import { exitCodes } from './exit-codes.js';
import { print } from './output.js';

/** Checks a configuration. @returns the exit code. Rejects with a `ConfigError` that names every fault. */
export const check = async (file: string): Promise<number> => {
  await loadConfig(file);
  print(`${file}: ok`);
  return exitCodes.ok;
};
