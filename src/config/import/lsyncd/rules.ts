import type { ConfigInput } from '../../schema.js';
import type { Place } from '../report.js';
import type { RsyncParams } from '../rsync-params.js';
import { type Fields, kindOf } from './fields.js';
import type { LuaEntry } from './lua.js';

/** The lines of a file that a configuration names, as latin1; `undefined` when it can't be read. */
export type ReadLines = (path: string) => readonly string[] | undefined;

/** Patterns in the order in which they stood. */
export interface Rules {
  readonly include: string[];
  readonly exclude: string[];
}

/** `exclude`, `filter` and the files of both, behind what the options of rsync said. */
export const readRules = (
  fields: Fields,
  params: Pick<RsyncParams, 'include' | 'exclude'>,
  readLines: ReadLines,
): Rules => {
  const rules: Rules = { include: [...params.include], exclude: [...params.exclude] };
  for (const key of ['exclude', 'filter'] as const) {
    const entry = fields.take(key);
    if (entry !== undefined) addRules(rules, listOf(entry, fields, key), key, entry, fields);
  }
  for (const [key, kind] of [
    ['excludeFrom', 'exclude'],
    ['filterFrom', 'filter'],
  ] as const) {
    const place = fields.table.entries.find((entry) => entry.key === key) ?? fields.table;
    const path = fields.takeText(key);
    if (path === undefined) continue;
    const lines = readLines(path)?.map((line) => fields.decoded(line, place));
    if (lines === undefined)
      fields.note(
        place,
        'not carried',
        key,
        `${path} can't be read: write its patterns into exclude`,
        'exclude',
      );
    else addRules(rules, lines, kind, place, fields);
  }
  return rules;
};

/** The texts of an entry that holds one or a list of them. @param configKey for what is none */
export const listOf = (
  entry: LuaEntry,
  fields: Fields,
  key: string,
  configKey: keyof ConfigInput = 'exclude',
): string[] => {
  const { value } = entry;
  const items = typeof value === 'object' && value?.type === 'table' ? value.entries : [entry];
  return items.flatMap((item) => {
    if (typeof item.value === 'string') return [fields.decoded(item.value, item)];
    fields.note(item, 'not carried', key, `expected a text, found ${kindOf(item.value)}`, configKey);
    return [];
  });
};

/** Lines of an exclude file, or rules of a filter. */
const addRules = (
  rules: Rules,
  lines: readonly string[],
  kind: 'exclude' | 'filter',
  place: Place,
  fields: Fields,
): void => {
  for (const line of lines) {
    if (/^\s*(?:[#;]|$)/.test(line)) continue;
    const [, sign, pattern] = /^([+-]) (.+)$/.exec(line) ?? [];
    const list = sign === '+' ? 'include' : 'exclude';
    if (pattern === undefined && kind === 'filter') {
      fields.note(
        place,
        'not carried',
        `filter ${line}`,
        'only "+ pattern" and "- pattern" have a place here',
        'exclude',
      );
      continue;
    }
    const isLate = list === 'include' && rules.exclude.length > 0;
    rules[list].push(pattern ?? line);
    fields.note(
      place,
      isLate ? 'changed' : 'carried',
      `${kind} ${line}`,
      isLate
        ? 'it stood behind an exclude, but includes are tried before all excludes here: look whether both meet'
        : 'a pattern of rsync as it was',
      list,
    );
  }
};
