/** When the form of the manual pages changed last; they are made anew with every build. */
export const pageDate = '2026-11-27';

/** Text for man(7): nothing in it is an instruction, and `code` becomes bold. */
export const roffText = (text: string): string =>
  text
    .split('\n')
    .map((line) => {
      const escaped = escapeRoff(line).replace(/`([^`]+)`/g, '\\fB$1\\fR');
      return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
    })
    .join('\n');

/** Hyphens as they are typed, and what is not ASCII by its code: manual pages are read in any locale. */
const escapeRoff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/[^\x00-\x7f]/gu, (character) => {
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
      return `\\[u${code}]`;
    });
