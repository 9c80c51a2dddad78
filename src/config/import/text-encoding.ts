export type Encoding = 'ASCII' | 'UTF-8' | 'UTF-16' | 'GBK' | 'ISO-8859-1';

/** Text of a file and how its bytes were read. */
export interface DecodedText {
  readonly text: string;
  readonly encoding: Encoding;
}

/**
 * Reads a file whose declared encoding is a promise that many files break: sersync ships its XML declared as
 * ISO-8859-1, and its users write comments and names in UTF-8 or GBK below that line.
 * UTF-8 proves itself. What is not UTF-8 is GBK when it says so, or when its other bytes look like Chinese.
 */
export const decodeText = (bytes: Uint8Array): DecodedText => {
  const utf16 = markedUtf16(bytes);
  if (utf16 !== undefined) return { text: utf16, encoding: 'UTF-16' };
  const latin1 = Buffer.from(bytes).toString('latin1');
  const isDeclared = declaresGbk(latin1);
  const utf8 = decoded('utf-8', bytes);
  // A few characters in GBK can be letters of two bytes in UTF-8, but Chinese has three there.
  if (utf8 !== undefined && !(isDeclared && /^[\0-\u07ff]*[\x80-\u07ff][\0-\u07ff]*$/.test(utf8)))
    return { text: utf8, encoding: isAscii(bytes) ? 'ASCII' : 'UTF-8' };
  const gbk = isDeclared || looksChinese(latin1) ? decoded('gb18030', bytes) : undefined;
  return gbk === undefined ? { text: latin1, encoding: 'ISO-8859-1' } : { text: gbk, encoding: 'GBK' };
};

/** A part of a file in its encoding; what is not valid in it comes back as ISO-8859-1. */
export const textIn = (encoding: Encoding, bytes: Uint8Array): string =>
  decoded(labels.get(encoding) ?? 'utf-8', bytes) ?? Buffer.from(bytes).toString('latin1');
const labels: ReadonlyMap<Encoding, string> = new Map([
  ['GBK', 'gb18030'],
  ['ISO-8859-1', 'latin1'],
]);

const decoded = (label: string, bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
};

const markedUtf16 = ([first, second, ...rest]: Uint8Array): string | undefined => {
  const bytes = Uint8Array.from(rest);
  if (first === 0xff && second === 0xfe) return decoded('utf-16le', bytes);
  return first === 0xfe && second === 0xff ? decoded('utf-16be', bytes) : undefined;
};

const isAscii = (bytes: Uint8Array): boolean => bytes.every((byte) => byte < 0x80);

const declaresGbk = (latin1: string): boolean =>
  /^<\?xml[^>]*encoding\s*=\s*["'](?:gbk|gb2312|gb18030|cp936)["']/i.test(latin1);

/**
 * Chinese in GBK comes in pairs, mostly of two high bytes that begin with punctuation (A1…A9) or one of the common
 * characters (B0…D7). Letters of Western languages stand alone between ASCII letters.
 */
const looksChinese = (latin1: string): boolean => {
  const runs = latin1.match(/[\x80-\xff]+/g) ?? [];
  const pairs = runs.flatMap((run) => run.match(/../gs) ?? []);
  const common = pairs.filter((pair) => /^[\xa1-\xa9\xb0-\xd7][\xa1-\xfe]$/.test(pair));
  return common.length * 2 > runs.join('').length - pairs.length;
};
