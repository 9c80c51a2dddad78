import { valuedOptions } from '../extra-rsync-args.js';

/** One option of a command line of rsync. */
export interface Option {
  /** Long name without dashes, `no-` included; the text itself for what is no option. */
  readonly name: string;
  readonly value: string | undefined;
  /** As it stood there. */
  readonly written: string;
}

/** The options among the words, short ones unbundled, each with its value. */
export const optionsOf = (words: readonly string[]): Option[] => {
  const options: Option[] = [];
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word.startsWith('--')) options.push(longOption(word, rest));
    else if (/^-./.test(word)) options.push(...bundle(word.slice(1), rest));
    else options.push({ name: word, value: undefined, written: word });
  }
  return options;
};

const longOption = (word: string, rest: string[]): Option => {
  const [, name = '', value] = /^--([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
  if (value !== undefined || !takesValue(name)) return { name, value, written: word };
  const next = rest.shift() ?? '';
  return { name, value: next, written: `${word} ${next}` };
};

const bundle = (letters: string, rest: string[]): Option[] => {
  const options: Option[] = [];
  for (const [index, letter] of [...letters].entries()) {
    const name = longNames.get(letter) ?? letter;
    if (!takesValue(name)) {
      options.push({ name, value: undefined, written: `-${letter}` });
      continue;
    }
    const value = letters.slice(index + 1).replace(/^=/, '') || (rest.shift() ?? '');
    return [...options, { name, value, written: `-${letter} ${value}` }];
  }
  return options;
};

const takesValue = (name: string): boolean => valuedOptions.has(name) || refusedValued.has(name);

/** Options with a value that imgsync-fast has keys for or refuses. */
const refusedValued: ReadonlySet<string> = new Set(
  (
    'exclude exclude-from include include-from filter files-from rsh port timeout contimeout bwlimit password-file ' +
    'max-delete modify-window out-format log-format sockopts iconv compare-dest read-batch write-batch ' +
    'only-write-batch info debug config dparam stop-after time-limit stop-at outbuf stderr'
  ).split(' '),
);

/** rsync's short options. */
export const longNames: ReadonlyMap<string, string> = new Map(
  Object.entries({
    '0': 'from0',
    '4': 'ipv4',
    '6': 'ipv6',
    '8': '8-bit-output',
    A: 'acls',
    a: 'archive',
    B: 'block-size',
    b: 'backup',
    C: 'cvs-exclude',
    c: 'checksum',
    D: 'devices',
    d: 'dirs',
    E: 'executability',
    e: 'rsh',
    F: 'filter-files',
    f: 'filter',
    g: 'group',
    H: 'hard-links',
    h: 'human-readable',
    I: 'ignore-times',
    i: 'itemize-changes',
    J: 'omit-link-times',
    K: 'keep-dirlinks',
    k: 'copy-dirlinks',
    L: 'copy-links',
    l: 'links',
    M: 'remote-option',
    m: 'prune-empty-dirs',
    N: 'crtimes',
    n: 'dry-run',
    O: 'omit-dir-times',
    o: 'owner',
    P: 'partial-progress',
    p: 'perms',
    q: 'quiet',
    R: 'relative',
    r: 'recursive',
    S: 'sparse',
    s: 'secluded-args',
    T: 'temp-dir',
    t: 'times',
    U: 'atimes',
    u: 'update',
    v: 'verbose',
    W: 'whole-file',
    X: 'xattrs',
    x: 'one-file-system',
    y: 'fuzzy',
    z: 'compress',
  }),
);
