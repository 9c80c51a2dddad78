import type { ImportedConfig, Remark } from './remark.js';

const width = 110;

/**
 * sync.json of an imported configuration: above each key, as comments, what became of the parts that it stands for, and
 * at the end what has no place in it.
 * @param from The old file, for the comments.
 */
export const configText = ({ settings, remarks }: ImportedConfig, from: string): string => {
  const keys = Object.entries(settings).filter(([, value]) => value !== undefined);
  const known = new Set(keys.map(([key]) => key));
  const last = keys.length - 1;
  const entries = keys.flatMap(([key, value], index) => [
    ...remarks.filter((remark) => remark.key === key).flatMap(commentOf),
    `  ${JSON.stringify(key)}: ${formatted(value, 2)}${index === last ? '' : ','}`,
    '',
  ]);
  const rest = remarks.filter(({ key }) => key === undefined || !known.has(key)).flatMap(commentOf);
  return [
    `// Made by imgsync-fast import from ${from}; the numbers are its lines.`,
    '{',
    ...entries.slice(0, -1),
    ...(rest.length === 0 ? [] : ['', '  // What has no key here:', ...rest]),
    '}',
    '',
  ].join('\n');
};

/** As lines of text that end before the margin; a line break in a name must not end the comment. */
const commentOf = ({ line, kind, about, message }: Remark): string[] => {
  const lines: string[] = [];
  let current = '';
  for (const word of `${line}: ${kind}: ${about}: ${message}`
    .replace(/[\p{Cc}\u2028\u2029]/gu, ' ')
    .split(' ')) {
    if (current !== '' && current.length + word.length + 6 > width) {
      lines.push(current);
      current = ' ';
    }
    current = current === '' ? word : `${current} ${word}`;
  }
  return [...lines, current].map((text) => `  // ${text}`);
};

/** JSON in as few lines as fit; `indent` blanks stand before it already. */
const formatted = (value: unknown, indent: number): string => {
  const inline = inlined(value);
  if (indent + inline.length + 20 <= width && !(Array.isArray(value) && value.length > 4)) return inline;
  const inner = ' '.repeat(indent + 2);
  if (Array.isArray(value))
    return `[\n${value.map((item) => `${inner}${formatted(item, indent + 2)}`).join(',\n')}\n${' '.repeat(indent)}]`;
  if (typeof value !== 'object' || value === null) return inline;
  const lines = Object.entries(value).map(
    ([key, item]) => `${inner}${JSON.stringify(key)}: ${formatted(item, indent + 2)}`,
  );
  return `{\n${lines.join(',\n')}\n${' '.repeat(indent)}}`;
};

const inlined = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(inlined).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${inlined(item)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
};
