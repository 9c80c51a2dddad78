/** Patterns of rsync that match what a regular expression of sersync matched, or why there are none. */
export type Translation = { readonly patterns: readonly string[] } | { readonly fault: string };

/**
 * Translates an exclude of sersync. Its regular expressions (Boost's, of Perl's kind) have to match the whole path:
 * `name` for an entry of the root, `/below/the/root/name` for all others, and, while the watches are set, `dir/ectory/`
 * for a directory, which then is not watched. So `(.*)\.gz` is rsync's `*.gz`, and `^info/*`, which looks like a
 * pattern of a shell, only matches `info` and `info/`: rsync's `/info`.
 *
 * Alternatives become several patterns. What rsync's patterns can't say (repetitions, look-ahead, references) is a
 * fault.
 */
export const patternsOf = (regex: string): Translation => {
  try {
    const named = new RegexReader(regex)
      .read()
      .map(withoutAnchors)
      .filter((tokens) => tokens.length > 0);
    if (named.length === 0) refuse('it matches no name');
    const patterns = [...new Set(named.flatMap(withSlashes).map(patternOf))];
    return { patterns: patterns.filter((pattern) => !patterns.some((other) => `${other}/` === pattern)) };
  } catch (error) {
    if (error instanceof Untranslatable) return { fault: error.message };
    throw error;
  }
};

/** A part of a path that an expression matches. */
type Token =
  | { readonly type: 'text'; readonly character: string }
  /** One character other than a slash, as rsync writes it: `?`, `[a-z]`. */
  | { readonly type: 'one'; readonly pattern: string }
  /** Any number of characters without a slash. */
  | { readonly type: 'within' }
  /** Any number of characters; `least` of them are there. */
  | { readonly type: 'any'; readonly least: 0 | 1 };
type Anchor = { readonly type: 'start' } | { readonly type: 'end' };
type Parts = readonly (Token | Anchor)[];

class Untranslatable extends Error {}

const refuse = (message: string): never => {
  throw new Untranslatable(message);
};

/** More patterns than that would be a list that nobody can read. */
const maxAlternatives = 64;
const maxDepth = 100;

/** Reads an expression as the sequences of tokens that it has to choose from. */
class RegexReader {
  #at = 0;
  #depth = 0;

  constructor(private readonly regex: string) {}

  read(): readonly Parts[] {
    const alternatives = this.#alternatives();
    if (this.#at < this.regex.length)
      refuse('it closes a group that was not opened: sersync refused it and went on without');
    return alternatives;
  }

  #alternatives(): readonly Parts[] {
    const alternatives = [...this.#sequence()];
    while (this.#takes('|')) alternatives.push(...this.#sequence());
    return limited(alternatives);
  }

  #sequence(): readonly Parts[] {
    let sequences: readonly Parts[] = [[]];
    while (this.#at < this.regex.length && !/[|)]/.test(this.#peek())) {
      const atom = this.#repeated(this.#atom());
      sequences = limited(sequences.flatMap((start) => atom.map((end) => [...start, ...end])));
    }
    return sequences;
  }

  #atom(): readonly Parts[] {
    const character = this.#next();
    switch (character) {
      case '(':
        return this.#group();
      case '[':
        return [[this.#class()]];
      case '\\':
        return [[this.#escape()]];
      case '.':
        return [[anyOne]];
      case '^':
        return [[{ type: 'start' }]];
      case '$':
        return [[{ type: 'end' }]];
      case '*':
      case '+':
      case '?':
      case '{':
        return refuse(
          `it is no regular expression (nothing to repeat before "${character}"), so sersync went on without it`,
        );
      default:
        return [[{ type: 'text', character }]];
    }
  }

  #group(): readonly Parts[] {
    if (this.#takes('?') && !this.#takes(':'))
      refuse("look-ahead and options in (?…) have no like in rsync's patterns");
    if (++this.#depth > maxDepth) refuse(`its groups are more than ${maxDepth} deep`);
    const alternatives = this.#alternatives();
    this.#depth--;
    if (!this.#takes(')')) refuse('a group is not closed: sersync refused it and went on without');
    return alternatives;
  }

  #class(): Token {
    const [whole, negation, inner = ''] =
      /^\[(\^?)(\]?(?:\\.|\[:\w+:\]|[^\]\\])*)\]/.exec(this.regex.slice(this.#at - 1)) ??
      refuse('a [ is not closed: sersync refused it and went on without');
    this.#at += whole.length - 1;
    const members = inner.replace(/\\([dws])/g, (_escape, letter: string) => classes.get(letter) ?? '');
    // rsync matches bytes: a class can't hold a character of several.
    if (/\\[A-Za-z0-9]|[^\x20-\x7e\t]/.test(members)) refuse(`rsync's patterns have no "${whole}"`);
    // Its classes never match a slash.
    if (negation === '^')
      return { type: 'one', pattern: members === '/' ? '?' : `[^${members.replaceAll('/', '')}]` };
    if (!/^[!^]/.test(members)) return { type: 'one', pattern: `[${members}]` };
    // In front it would negate the class.
    const moved = `${members.slice(1)}${members.charAt(0)}`;
    return moved.length === 1 ? { type: 'text', character: moved } : { type: 'one', pattern: `[${moved}]` };
  }

  #escape(): Token {
    if (this.#at >= this.regex.length)
      refuse('it ends in a backslash: sersync refused it and went on without');
    const character = this.#next();
    const members = classes.get(character.toLowerCase());
    if (members !== undefined)
      return { type: 'one', pattern: /[DWS]/.test(character) ? `[^${members}]` : `[${members}]` };
    if (/[A-Za-z0-9]/.test(character)) refuse(`rsync's patterns have no "\\${character}"`);
    return { type: 'text', character };
  }

  #repeated(atom: readonly Parts[]): readonly Parts[] {
    const [quantifier] = /^(?:[*+?]|\{\d+(?:,\d*)?\})/.exec(this.regex.slice(this.#at)) ?? [];
    if (quantifier === undefined) return atom;
    this.#at += quantifier.length;
    // Lazy and possessive forms match the same whole paths.
    if (/^[?+]/.test(this.regex.slice(this.#at))) this.#at++;
    return repeated(atom, quantifier);
  }

  #peek(): string {
    return this.regex.charAt(this.#at);
  }

  #next(): string {
    const character = String.fromCodePoint(this.regex.codePointAt(this.#at) ?? 0);
    this.#at += character.length;
    return character;
  }

  #takes(character: string): boolean {
    const takes = this.#peek() === character;
    if (takes) this.#at++;
    return takes;
  }
}

const anyOne: Token = { type: 'one', pattern: '?' };
const slash: Token = { type: 'text', character: '/' };
const classes: ReadonlyMap<string, string> = new Map([
  ['d', '0-9'],
  ['w', 'A-Za-z0-9_'],
  ['s', ' \t'],
]);

const limited = (alternatives: readonly Parts[]): readonly Parts[] =>
  alternatives.length <= maxAlternatives
    ? alternatives
    : refuse(`it stands for more than ${maxAlternatives} patterns`);

const repeated = (atom: readonly Parts[], quantifier: string): readonly Parts[] => {
  if (quantifier === '?') return [[], ...atom];
  const [only, second] = atom;
  const [token, ...more] = only ?? [];
  if (second !== undefined || token === undefined || more.length > 0) return repeatedGroup(quantifier);
  const [, count, comma] = /^\{(\d+)(,\d*)?\}$/.exec(quantifier) ?? [];
  if (count !== undefined && comma === undefined && Number(count) <= maxAlternatives)
    return [Array.from({ length: Number(count) }, () => token)];
  if (quantifier === '*' || quantifier === '+') {
    const least = quantifier === '*' ? 0 : 1;
    if (token.type === 'any') return [[token]];
    if (token === anyOne) return [[{ type: 'any', least }]];
    if (token.type === 'one' && token.pattern === '?')
      return [least === 0 ? [{ type: 'within' }] : [token, { type: 'within' }]];
    // Paths have no slash beside another.
    if (token.type === 'text' && token.character === '/') return least === 0 ? [[], [token]] : [[token]];
  }
  return refuse("rsync's patterns can't repeat anything but any character");
};

const repeatedGroup = (quantifier: string): never =>
  refuse(`rsync's patterns can't repeat a group ("${quantifier}")`);

/** They say what holds anyway, and adjoining stars are one. */
const withoutAnchors = (parts: Parts): readonly Token[] => {
  const from = parts.findIndex(({ type }) => type !== 'start');
  const to = parts.findLastIndex(({ type }) => type !== 'end') + 1;
  return parts.slice(from < 0 ? to : from, to).flatMap<Token>((part, index, inner) => {
    if (part.type === 'start' || part.type === 'end') return refuse('a ^ or $ in its middle never matches');
    return part.type === 'any' && inner[index - 1]?.type === 'any' ? [] : [part];
  });
};

/** What `.+` begins with may be a slash, which no wildcard but the doubled star matches. */
const withSlashes = (tokens: readonly Token[]): readonly (readonly Token[])[] => {
  const at = tokens.findIndex((token, index) => {
    const before = tokens[index - 1];
    return token.type === 'any' && token.least === 1 && before !== undefined && !isSlash(before);
  });
  if (at < 0) return [tokens];
  return [anyOne, slash].flatMap((begin) =>
    withSlashes([...tokens.slice(0, at), begin, { type: 'any', least: 0 }, ...tokens.slice(at + 1)]),
  );
};

/** A sign and a blank in front would be read as a rule of its own. */
const patternOf = (tokens: readonly Token[]): string => globOf(tokens).replace(/^[+-](?= )/, '[$&]');

const globOf = (tokens: readonly Token[]): string => {
  const [first, second] = tokens;
  // "/" and anything is anything: below the root every path begins with a slash.
  if (first !== undefined && isSlash(first) && second?.type === 'any') return globOf(tokens.slice(1));
  if (first?.type !== 'any')
    return `/${rendered(first !== undefined && isSlash(first) ? tokens.slice(1) : tokens)}`;
  const rest = tokens.slice(1);
  const [next] = rest;
  if (next === undefined) return '*';
  if (isSlash(next)) return rendered(rest.slice(1));
  return `${rest.slice(0, -1).some(({ type }) => type === 'any') ? '**' : '*'}${rendered(rest)}`;
};

const isSlash = (token: Token): boolean => token.type === 'text' && token.character === '/';

const rendered = (tokens: readonly Token[]): string => {
  const pattern = tokens.map((token, index) => renderedToken(token, index === tokens.length - 1)).join('');
  if (/^\/*$/.test(pattern)) refuse('it matches no name');
  return pattern;
};

const renderedToken = (token: Token, isLast: boolean): string => {
  switch (token.type) {
    case 'text':
      return /[*?[\\]/.test(token.character) ? quoted(token.character) : token.character;
    case 'one':
      return token.pattern;
    case 'within':
      return '*';
    case 'any':
      // What is excluded hides all below: at the end one star is enough. Behind a slash there is a name.
      return isLast ? '*' : `${token.least === 0 ? '' : '?'}**`;
  }
};

/** A class, because rsync takes a backslash for an escape only beside wildcards. */
const quoted = (character: string): string => (character === '\\' ? '[\\\\]' : `[${character}]`);
