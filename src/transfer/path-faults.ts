import { basename, dirname } from 'node:path/posix';
import { unescapeName } from './itemized.js';
import type { StuckCode } from './messages.js';

/** Why one path failed, as rsync's standard error tells. `SOURCE_MOVED`: it has to be looked at again, no more. */
export interface PathFault {
  readonly code: StuckCode | 'SOURCE_MOVED';
  readonly text: string;
}

const sourceCodes: readonly (readonly [RegExp, PathFault['code']])[] = [
  // When the list was built the path had directories above it: one of them has become something else meanwhile.
  [/Not a directory/, 'SOURCE_MOVED'],
  [/Permission denied/, 'SOURCE_UNREADABLE'],
  [/read errors mapping/, 'SOURCE_UNREADABLE'],
];
const codes: readonly (readonly [RegExp, StuckCode])[] = [
  [/Not a directory/, 'NOT_A_DIRECTORY'],
  [/refused to receive/, 'REFUSED'],
  [/Permission denied|Operation not permitted/, 'PERMISSION_DENIED'],
  [/File name too long|overflows max-path/, 'PATH_TOO_LONG'],
];

/**
 * What a dry run does not list although it failed: one side could not look at it, the module's own filter refused it, or
 * a directory with entries stands in its way.
 */
const unlisted =
  /send_files failed to open|link_stat|opendir|readlink_stat|read errors mapping|failed to stat|refused to receive|could not make way/;

/** Where both sides name their paths from, latin1, without a slash at the end. */
export interface NamedFrom {
  /** Where rsync ran. */
  readonly source: string;
  /** The target's path as its rsync sees it; empty for the root of a module. */
  readonly target: string;
}

interface Line {
  readonly text: string;
  /** Relative to the source or the target, latin1. */
  readonly path: string;
  readonly isOfSource: boolean;
}

/** Reads the lines of rsync's standard error that name a path. */
export class PathFaults {
  readonly #lines: readonly Line[];

  constructor(
    stderr: string,
    private readonly from: NamedFrom,
  ) {
    this.#lines = stderr.split('\n').flatMap((line) => this.#read(line) ?? []);
  }

  /** What stderr says about a path: about itself, its temporary file, or the nearest directory above it. */
  of(path: string): PathFault {
    const line =
      this.#lines.find((each) => names(each.path, path)) ??
      this.#lines.find((each) => each.path !== '' && path.startsWith(`${each.path}/`)) ??
      this.#lines[0];
    if (line === undefined) return { code: 'OTHER', text: 'the target still differs after the transfer' };
    const table = line.isOfSource ? [...sourceCodes, ...codes] : codes;
    return { code: table.find(([pattern]) => pattern.test(line.text))?.[1] ?? 'OTHER', text: line.text };
  }

  /** Paths that failed and that a dry run does not list. */
  get unlisted(): string[] {
    const found = this.#lines.filter(({ text }) => unlisted.test(text)).map(({ path }) => path);
    return [...new Set(found)];
  }

  #read(line: string): Line | undefined {
    const match = /"([^"]*)"|(?:unlink|rmdir)\(([^)]*)\)|new [\w ]+: (.*)$/.exec(line);
    const escaped = match?.[1] ?? match?.[2] ?? match?.[3];
    if (escaped === undefined || /^(rsync error|WARNING)/.test(line)) return undefined;
    const named = unescapeName(escaped);
    const ofSource = below(named, this.from.source);
    const path = ofSource ?? below(named, this.from.target) ?? named.replace(/^\.?\/*/, '');
    if (/(^|\/)(\.{0,2})(\/|$)/.test(path) && path !== '') return undefined;
    return { text: line.trim(), path, isOfSource: ofSource !== undefined };
  }
}

const below = (named: string, root: string): string | undefined => {
  if (named === root) return '';
  return named.startsWith(`${root}/`) ? named.slice(root.length + 1) : undefined;
};

const names = (named: string, path: string): boolean => {
  if (named === path) return true;
  // The receiver writes `a/.name.XXXXXX` and renames it to `a/name`; long names are cut.
  const temporary = /^\.(.*)\.\w{6}$/s.exec(basename(named))?.[1];
  return (
    temporary !== undefined &&
    dirname(named) === dirname(path) &&
    temporary !== '' &&
    basename(path).startsWith(temporary)
  );
};
