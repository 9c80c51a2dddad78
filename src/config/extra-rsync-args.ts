const protocol = 'it would break the way imgsync-fast works with rsync';
const selection = 'what is sent is chosen by imgsync-fast';
const filters = 'use the include and exclude keys';
const deletes = 'use the "delete" key';
const output = "imgsync-fast reads rsync's output and sets its form";
const stale = 'changed files would stay different at the target without anybody being told';
const outside = 'links are replicated as links: what they point to is not watched';
const truncated = 'files that changed anywhere but at their end would stay wrong';

/** Long option, without dashes -> why it is refused. `no-` before a name is refused for the same reason. */
const refusedLong: ReadonlyMap<string, string> = new Map([
  ...reasons(protocol, 'server sender daemon config dparam detach help version protocol sockopts max-delete'),
  ...reasons(protocol, 'write-batch only-write-batch read-batch stop-after stop-at time-limit iconv'),
  ...reasons(selection, 'files-from from0 dry-run list-only recursive archive dirs old-dirs old-d'),
  ...reasons(selection, 'relative remove-source-files remove-sent-files existing ignore-non-existing'),
  ...reasons(selection, 'prune-empty-dirs compare-dest'),
  ...reasons(filters, 'exclude exclude-from include include-from filter cvs-exclude'),
  ...reasons(deletes, 'del delete delete-before delete-during delete-delay delete-after delete-excluded'),
  ...reasons(deletes, 'delete-missing-args ignore-missing-args ignore-errors'),
  ...reasons(output, 'out-format log-format itemize-changes stats verbose progress quiet human-readable'),
  ...reasons(output, '8-bit-output info debug msgs2stderr stderr outbuf motd'),
  ...reasons(stale, 'size-only ignore-existing times modify-window'),
  ...reasons(truncated, 'append append-verify'),
  ...reasons(outside, 'copy-links copy-unsafe-links copy-dirlinks'),
  ['update', 'use the update key, which says what it hides'],
  ['ignore-times', 'a batch that fails in part could not tell which of its files failed'],
  ['password-file', 'use the passwordFile key of the target'],
  ['rsh', 'use the ssh key of the target'],
  ['port', 'write the port into the URL'],
  ['timeout', 'use the timeoutSeconds key'],
  ['contimeout', 'use the timeoutSeconds key'],
  ['bwlimit', 'use the bandwidthLimit key of the target'],
  ['compress', 'use the compress key'],
  ['whole-file', 'use the wholeFile key'],
  ['one-file-system', 'use the crossMounts key'],
]);

/** Short options that are refused -> their long form, whose reason it is. */
const refusedShort: ReadonlyMap<string, string> = new Map(
  Object.entries({
    '0': 'from0',
    '8': '8-bit-output',
    '@': 'modify-window',
    a: 'archive',
    C: 'cvs-exclude',
    d: 'dirs',
    e: 'rsh',
    F: 'filter',
    f: 'filter',
    h: 'human-readable',
    I: 'ignore-times',
    i: 'itemize-changes',
    k: 'copy-dirlinks',
    L: 'copy-links',
    m: 'prune-empty-dirs',
    n: 'dry-run',
    P: 'progress',
    q: 'quiet',
    R: 'relative',
    r: 'recursive',
    u: 'update',
    V: 'version',
    v: 'verbose',
    W: 'whole-file',
    x: 'one-file-system',
    z: 'compress',
  }),
);

/** Allowed options that take a value; without `=` they would take the next option for it. */
export const valuedOptions: ReadonlySet<string> = new Set(
  [
    'address backup-dir block-size checksum-choice cc checksum-seed chmod chown compress-choice zc compress-level zl',
    'compress-threads zt confine-root copy-as copy-dest early-input groupmap link-dest log-file log-file-format',
    'max-alloc max-size min-size partial-dir remote-option rsync-path skip-compress suffix temp-dir usermap',
  ].flatMap((names) => names.split(' ')),
);
const valuedShort: ReadonlySet<string> = new Set(['B', 'M', 'T']);

/**
 * Why `arg` can't be given to rsync beside what imgsync-fast gives it; `undefined` when it can. Bundles of short
 * options are looked through, and so is an option for the other side (`-M`, `--remote-option`).
 */
export const faultOfRsyncArg = (arg: string): string | undefined => {
  if (/[\0\n]/.test(arg)) return 'an option holds no line break and no NUL';
  if (arg.startsWith('--')) return faultOfLong(arg.slice(2));
  if (arg.startsWith('-') && arg.length > 1) return faultOfBundle(arg.slice(1));
  return 'expected an option; its value stands in the same string: "--chmod=D755,F644"';
};

const faultOfLong = (text: string): string | undefined => {
  const [, name = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
  if (name === '') return 'expected an option';
  if (valuedOptions.has(name) && value === undefined)
    return `the value of --${name} stands in the same string: "--${name}=…"`;
  if (name === 'remote-option') return faultOfRsyncArg(value ?? '');
  // Of the options that imgsync-fast sets by their short letters only the times are vital.
  const positive = name.replace(/^no-/, '');
  const meant = positive.length === 1 && positive !== name ? longNameOf(positive) : positive;
  const reason = name === 'times' ? undefined : refusedLong.get(meant);
  return reason === undefined ? undefined : `--${name} is refused: ${reason}`;
};

const longNameOf = (letter: string): string =>
  letter === 't' ? 'times' : (refusedShort.get(letter) ?? letter);

const faultOfBundle = (letters: string): string | undefined => {
  for (const [index, letter] of [...letters].entries()) {
    const long = refusedShort.get(letter);
    if (long !== undefined) return `-${letter} (--${long}) is refused: ${refusedLong.get(long)}`;
    if (!valuedShort.has(letter)) continue;
    const value = [...letters]
      .slice(index + 1)
      .join('')
      .replace(/^=/, '');
    if (value === '') return `the value of -${letter} stands in the same string: "-${letter}…"`;
    return letter === 'M' ? faultOfRsyncArg(value) : undefined;
  }
  return undefined;
};

function reasons(reason: string, names: string): [string, string][] {
  return names.split(' ').map((name) => [name, reason]);
}
