import * as z from 'zod';
import type { ConfigFault } from '../core/errors.js';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** JSON pointer (RFC 6901) of a path of keys and indices. */
export const pointerOf = (path: Path): string =>
  path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** The keys of a JSON pointer. */
export const keysOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));

/**
 * What zod found, as faults: one for each unknown key, the fitting branch of each union. `expected …` of the schema is
 * completed by what is there, but never by a text: it may be a password in the wrong place.
 */
export const faultsOf = (schema: z.ZodType, input: unknown, issues: readonly Issue[]): ConfigFault[] => {
  const faults = issues.flatMap((issue) => faultsOfIssue(schema, input, issue, issue.path));
  const seen = new Set<string>();
  return faults.filter(({ pointer, message }) => {
    const key = `${pointer} ${message}`;
    return !seen.has(key) && seen.add(key);
  });
};

const faultsOfIssue = (schema: z.ZodType, input: unknown, issue: Issue, path: Path): ConfigFault[] => {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      pointer: pointerOf([...path, key]),
      message: unknownKey(
        key,
        objectsAt(schema, path).flatMap(({ shape }) => Object.keys(shape)),
      ),
    }));
  if (issue.code === 'invalid_union') {
    // The branch that is of the right type says best what is wrong; without one the union itself does.
    const branch = issue.errors.find((errors) => !errors.some(isOfOtherType));
    if (branch !== undefined)
      return branch.flatMap((inner) => faultsOfIssue(schema, input, inner, [...path, ...inner.path]));
  }
  return [{ pointer: pointerOf(path), message: completed(issue.message, input, path) }];
};

const isOfOtherType = (issue: Issue): boolean =>
  issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value');

const completed = (message: string, input: unknown, path: Path): string => {
  if (!message.startsWith('expected')) return message;
  const value = valueAt(input, path);
  if (value === undefined && path.length > 0) return `is missing: ${message}`;
  return typeof value === 'string' ? message : `${message}, got ${kindOf(value)}`;
};

const kindOf = (value: unknown): string => {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  return typeof value === 'object' ? 'an object' : typeof value;
};

const valueAt = (value: unknown, path: Path): unknown => {
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
};

const unknownKey = (key: string, known: readonly string[]): string => {
  const nearest = known
    .map((name) => ({ name, distance: distanceOf(key.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
    .at(0);
  return nearest !== undefined && nearest.distance <= Math.max(2, Math.floor(nearest.name.length / 3))
    ? `unknown key; did you mean ${JSON.stringify(nearest.name)}?`
    : `unknown key; known here are ${known.join(', ')}`;
};

/** The objects that the schema allows at `path`. */
const objectsAt = (schema: z.core.$ZodType, path: Path): z.ZodObject[] => {
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => objectsAt(option, path));
  if (schema instanceof z.ZodPipe) return objectsAt(schema.in, path);
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return objectsAt(schema.unwrap(), path);
  const [key, ...rest] = path;
  if (schema instanceof z.ZodArray) return objectsAt(schema.element, rest);
  if (!(schema instanceof z.ZodObject)) return [];
  if (key === undefined) return [schema];
  const inner: z.core.$ZodType | undefined = schema.shape[String(key)];
  return inner === undefined ? [] : objectsAt(inner, rest);
};

/** Levenshtein's distance; a swap of neighbours counts once. */
const distanceOf = (a: string, b: string): number => {
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const at = (r: number, c: number): number => (r === i ? row : rows[r])?.[c] ?? Number.POSITIVE_INFINITY;
      const swap =
        a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY;
      row.push(
        Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + Number(a[i - 1] !== b[j - 1]), swap),
      );
    }
    rows.push(row);
  }
  return rows[a.length]?.[b.length] ?? Number.POSITIVE_INFINITY;
};
