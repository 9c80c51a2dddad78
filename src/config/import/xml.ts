import { SaxesParser } from 'saxes';
import { ConfigError, type ConfigFault } from '../../core/errors.js';

/** An element of an XML file, without texts and comments. */
export interface XmlElement {
  readonly name: string;
  /** 1-based place of its `<`. */
  readonly line: number;
  readonly column: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
}

interface OpenElement extends XmlElement {
  readonly children: XmlElement[];
}

/**
 * The root element of an XML text.
 * Throws a {@link ConfigError} with line and column when it is not well-formed.
 */
export const parseXml = (text: string, file: string): XmlElement => {
  const parser = new SaxesParser({ position: true, xmlns: false } as const);
  const starts = lineStarts(text);
  const open: OpenElement[] = [];
  let root: OpenElement | undefined;
  parser.on('error', ({ message }) => {
    const fault = faultOf(message);
    if (fault !== undefined)
      throw new ConfigError(file, [ampersandIn(text, parser.position, starts) ?? fault]);
  });
  let start = 0;
  parser.on('opentagstart', ({ name }) => {
    // What stands behind the name was read already.
    start = text.lastIndexOf('<', parser.position - name.length - 1);
  });
  parser.on('opentag', ({ name, attributes }) => {
    const element = { name, ...placeOf(start, starts), attributes, children: [] };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  });
  parser.on('closetag', () => {
    open.pop();
  });
  parser.write(text).close();
  if (root === undefined) throw new ConfigError(file, [{ pointer: '', message: 'the file is empty' }]);
  return root;
};

/** `1:16: unexpected close tag.`, its column counted from 0. */
const faultOf = (message: string): ConfigFault | undefined => {
  const [, line = '1', column = '0', what = message] = /^(\d+):(\d+): (.*?)\.?$/s.exec(message) ?? [];
  // Two dashes in a comment are against the rules but common, and no comment means anything here.
  if (what === 'malformed comment') return undefined;
  return { pointer: '', message: `broken XML: ${what}`, line: Number(line), column: Number(column) + 1 };
};

/** An ampersand that begins no entity makes the parser read on until the next semicolon, far from the fault. */
const ampersandIn = (text: string, end: number, starts: readonly number[]): ConfigFault | undefined => {
  const plain = text
    .slice(0, end)
    .replace(/<!--.*?-->|<!\[CDATA\[.*?\]\]>/gs, (part) => ' '.repeat(part.length));
  const offset = plain.search(/&(?!(?:#\d+|#x[\da-f]+|amp|lt|gt|quot|apos);)/i);
  if (offset < 0) return undefined;
  return { pointer: '', message: 'broken XML: an & is written &amp;', ...placeOf(offset, starts) };
};

const lineStarts = (text: string): readonly number[] => [
  0,
  ...[...text.matchAll(/\r\n|\r|\n/g)].map(({ index, 0: end }) => index + end.length),
];

const placeOf = (
  offset: number,
  starts: readonly number[],
): { readonly line: number; readonly column: number } => {
  const line = starts.findLastIndex((start) => start <= offset);
  return { line: line + 1, column: offset - (starts[line] ?? 0) + 1 };
};
