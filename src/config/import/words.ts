/**
 * Splits a command line as a shell does: at blanks outside of quotes, a backslash takes the next character as it is.
 * Variables and commands are left as they are written.
 */
export const wordsOf = (line: string): string[] => {
  const words: string[] = [];
  let word: string | undefined;
  for (const [, blank, single, double, escaped, plain] of line.matchAll(parts)) {
    if (blank !== undefined) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = `${word ?? ''}${single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? plain}`;
  }
  return word === undefined ? words : [...words, word];
};

const parts = /(\s+)|'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)|(.)/gs;
