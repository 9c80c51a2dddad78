import { libraryUrl } from './embedded.js';

// `imgsync-fast` is what was compiled with the tests, not what lies in dist/.
const hook = `export const resolve = (name, context, next) =>
  next(name === 'imgsync-fast' ? ${JSON.stringify(libraryUrl.href)} : name, context);`;
const asUrl = (program: string): string => `data:text/javascript,${encodeURIComponent(program)}`;

/** Arguments of node with which a program of examples/ finds the library by its name. */
export const exampleArgs: readonly string[] = [
  '--import',
  asUrl(`import { register } from 'node:module'; register(${JSON.stringify(asUrl(hook))});`),
];
