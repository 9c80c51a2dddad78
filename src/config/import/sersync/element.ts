import type { ConfigInput } from '../../schema.js';
import type { Report } from '../report.js';
import type { DecodedText } from '../text-encoding.js';
import type { XmlElement } from '../xml.js';

/** sersync's XML reader does not tell capitals from small letters in names. */
export const isSame = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

export const childrenOf = (element: XmlElement | undefined, name: string): readonly XmlElement[] =>
  element?.children.filter((child) => isSame(child.name, name)) ?? [];

export const childOf = (element: XmlElement | undefined, name: string): XmlElement | undefined =>
  childrenOf(element, name)[0];

/** The value of an attribute; empty like a missing one. */
export const textOf = (element: XmlElement | undefined, name: string): string =>
  Object.entries(element?.attributes ?? {})
    .find(([key]) => isSame(key, name))?.[1]
    .trim() ?? '';

/** sersync switches on only what says exactly this. */
export const isOn = (element: XmlElement | undefined): element is XmlElement =>
  textOf(element, 'start') === 'true';

/** sersync took the bytes of its file for bytes of names. */
export const noteBytes = (
  element: XmlElement,
  value: string,
  what: string,
  { encoding }: DecodedText,
  report: Report,
  key: keyof ConfigInput,
): void => {
  if (/^[\x00-\x7f]*$/.test(value) || encoding === 'UTF-8' || encoding === 'ASCII') return;
  report.note(element, {
    kind: 'changed',
    about: `"${value}"`,
    message: `sersync meant ${what} in the bytes of ${encoding}, sync.json means them in UTF-8: look how they are written on disk`,
    key,
  });
};
