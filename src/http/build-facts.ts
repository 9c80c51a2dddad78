import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { BuildFacts } from './metric-table.js';

/** What runs here. */
export const buildFacts = (): BuildFacts => {
  let file = new URL('package.json', import.meta.url);
  // Compiled for the tests it lies deeper than in the package.
  while (!existsSync(file) && file.pathname !== '/package.json') file = new URL('../package.json', file);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string };
  return { version, node: process.version, kernel: release() };
};
