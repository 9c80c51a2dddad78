import { readFileSync } from 'node:fs';
import { OperationError } from '../core/errors.js';

/** What Node puts where an argument holds bytes that are no UTF-8. */
const replacement = '\uFFFD';

/** By the text that Node made of them, the bytes of the arguments in which it may have lost some, in their order. */
let lossy: Map<string, Buffer[]> | undefined;

/**
 * The bytes of an argument of the command line, or of what stands behind the `=` in one: Node decodes them as UTF-8, and a
 * name of a file need not be that. To be asked once for each argument, in their order.
 * @returns `undefined` where the text says all. Throws an {@link OperationError} `BAD_REQUEST` when they can't be had.
 */
export const bytesOfArgument = (text: string): Buffer | undefined => {
  if (!text.includes(replacement)) return undefined;
  lossy ??= readLossy();
  const found = lossy.get(text);
  // Two of them may look the same.
  const bytes = found !== undefined && found.length > 1 ? found.shift() : found?.[0];
  if (bytes !== undefined) return bytes;
  throw new OperationError(
    'BAD_REQUEST',
    `the path ${JSON.stringify(text)} is no UTF-8, and its bytes can not be read from /proc/self/cmdline`,
    'name the directory that holds it',
  );
};

const readLossy = (): Map<string, Buffer[]> => {
  const found = new Map<string, Buffer[]>();
  for (const bytes of rawArguments()) {
    const value = bytes[0] === 0x2d ? bytes.subarray(bytes.indexOf('=') + 1) : bytes;
    for (const each of value.length === bytes.length ? [bytes] : [bytes, value]) {
      const text = each.toString();
      if (text.includes(replacement)) found.set(text, [...(found.get(text) ?? []), each]);
    }
  }
  return found;
};

/** Those of the program, as the kernel keeps them. */
const rawArguments = (): Buffer[] => {
  try {
    // Each is followed by a NUL. latin1 keeps every byte.
    const all = readFileSync('/proc/self/cmdline', 'latin1').split('\0').slice(0, -1);
    const own = process.argv.length - 2;
    return own <= 0 ? [] : all.slice(-own).map((argument) => Buffer.from(argument, 'latin1'));
  } catch {
    return [];
  }
};
