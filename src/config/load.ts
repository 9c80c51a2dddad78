import { readFile } from 'node:fs/promises';
import { getNodeValue, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { ConfigError, type ConfigFault, type ReplicationError, WatchError } from '../core/errors.js';
import type { Config } from './config.js';
import { keysOf, pointerOf } from './faults.js';
import { resolveConfig } from './resolve.js';

/**
 * Reads sync.json: JSON in which comments and trailing commas are allowed.
 * Rejects with a {@link ConfigError} that lists every fault with line and column; with a {@link WatchError}
 * `SOURCE_MISSING` when nothing is wrong but that the source is not there now, which trying again may mend.
 * @param added further targets, as they would stand in `targets` behind those of the file
 */
export const loadConfig = async (file: string, added: readonly unknown[] = []): Promise<Config> =>
  (await loadWithInput(file, added)).config;

/** The same, beside what the file holds. */
export const loadWithInput = async (
  file: string,
  added: readonly unknown[] = [],
): Promise<{ readonly config: Config; readonly input: unknown }> => {
  const text = await readText(file);
  const root = parse(text, file);
  const faults = repeatedKeys(root);
  const input = withTargets(getNodeValue(root), added);
  const config = await resolveConfig(input, file).catch((error: unknown) => {
    if (!(error instanceof ConfigError)) throw error;
    faults.push(...error.faults);
    return undefined;
  });
  if (config !== undefined && faults.length === 0) return { config, input };
  throw orMissing(new ConfigError(file, faults.map((fault) => placed(fault, root, text)).sort(byPlace)));
};

const withTargets = (value: unknown, added: readonly unknown[]): unknown => {
  if (added.length === 0 || typeof value !== 'object' || value === null) return value;
  const targets: unknown = Reflect.get(value, 'targets');
  return { ...value, targets: [...(Array.isArray(targets) ? targets : []), ...added] };
};

/** A {@link WatchError} when nothing is wrong but that the source is not there now. */
export const orMissing = (error: ConfigError): ReplicationError =>
  error.faults.every(({ code }) => code === 'SOURCE_MISSING')
    ? new WatchError('SOURCE_MISSING', error.message, 'is it mounted, and may this user read it?', {
        cause: error,
      })
    : error;

const readText = async (file: string): Promise<string> => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    const message =
      readFaults.get(code) ?? `can't be read: ${cause instanceof Error ? cause.message : cause}`;
    throw new ConfigError(file, [{ pointer: '', message }], { cause });
  }
};
const readFaults: ReadonlyMap<unknown, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['EACCES', "can't be read by this user"],
  ['EISDIR', 'is a directory, expected a file'],
  ['ERR_ENCODING_INVALID_ENCODED_DATA', 'is not text in UTF-8'],
]);

const parse = (text: string, file: string): Node => {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (root !== undefined && first === undefined) return root;
  // What comes after the first fault is mostly its consequence.
  const what = first === undefined ? 'the file is empty' : wordsOf(printParseErrorCode(first.error));
  const message = `broken JSON: ${what}`;
  throw new ConfigError(file, [{ pointer: '', message, ...placeAt(text, first?.offset ?? 0) }]);
};

/** `CommaExpected` -> `comma expected`. */
const wordsOf = (code: string): string => code.replace(/\B[A-Z]/g, (letter) => ` ${letter}`).toLowerCase();

/** JSON lets the last of equal keys win, which hides mistakes. */
const repeatedKeys = (node: Node, path: readonly PropertyKey[] = []): ConfigFault[] => {
  const seen = new Set<string>();
  return (node.children ?? []).flatMap((child, index) => {
    if (child.type !== 'property') return repeatedKeys(child, [...path, index]);
    const key = keyOf(child);
    const inner = [...path, key];
    const fault = { pointer: pointerOf(inner), message: 'is given twice' };
    const isRepeated = seen.has(key);
    seen.add(key);
    const value = valueNode(child);
    return [...(isRepeated ? [fault] : []), ...(value === undefined ? [] : repeatedKeys(value, inner))];
  });
};

const keyOf = (property: Node): string => String(property.children?.[0]?.value);
const valueNode = (property: Node): Node | undefined => property.children?.[1];

/** The fault with the place of its key or list item; of what holds it when it is missing. */
const placed = (fault: ConfigFault, root: Node, text: string): ConfigFault => {
  let { offset } = root;
  let value: Node | undefined = root;
  for (const key of keysOf(fault.pointer)) {
    const child: Node | undefined = childOf(value, key);
    if (child === undefined) break;
    offset = child.offset;
    value = child.type === 'property' ? valueNode(child) : child;
  }
  return { ...fault, ...placeAt(text, offset) };
};

const childOf = (node: Node | undefined, key: string): Node | undefined =>
  node?.type === 'array'
    ? node.children?.[Number(key)]
    : node?.children?.findLast((property) => keyOf(property) === key);

const placeAt = (text: string, offset: number): { readonly line: number; readonly column: number } => {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
};

const byPlace = (a: ConfigFault, b: ConfigFault): number =>
  (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
