import { basename, dirname } from 'node:path/posix';
import { unescapeName } from './itemized.js';
import type { StuckCode } from './messages.js';

/** Why one path failed, as rsync's standard error tells. `SOURCE_MOVED`: it has to be looked at again, no more. */
export interface PathFault {
  readonly code: StuckCode | 'SOURCE_MOVED';
  readonly text: string;
}

const sourceCodes: readonly (readonly [RegExp, PathFault['code']])[] = [
  // When the list was built the path was there, and had directories above it: something else stands there meanwhile.
  [/Not a directory|Too many levels of symbolic links|No such file or directory/, 'SOURCE_MOVED'],
  [/Is a directory|(file|directory) has vanished/, 'SOURCE_MOVED'],
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

/** Reads the lines of rsync's standard error that name a path. There may be as many of them as paths that are asked for. */
export class PathFaults {
  readonly #lines: readonly Line[];
  /** The first line about each path, by its name and by that of its temporary file. */
  readonly #byPath = new Map<string, Line>();
  readonly #byTemporary = new Map<string, Line>();

  constructor(
    stderr: string,
    private readonly from: NamedFrom,
  ) {
    this.#lines = stderr.split('\n').flatMap((line) => this.#read(line) ?? []);
    for (const line of this.#lines) {
      if (!this.#byPath.has(line.path)) this.#byPath.set(line.path, line);
      const owner = ownerOfTemporary(line.path);
      if (owner !== undefined && !this.#byTemporary.has(owner)) this.#byTemporary.set(owner, line);
    }
  }

  /** What stderr says about a path: about itself, its temporary file, or the nearest directory above it. */
  of(path: string): PathFault {
    const line = this.#lineAbout(path) ?? this.#lines[0];
    if (line === undefined) return { code: 'OTHER', text: 'the target still differs after the transfer' };
    const table = line.isOfSource ? [...sourceCodes, ...codes] : codes;
    return { code: table.find(([pattern]) => pattern.test(line.text))?.[1] ?? 'OTHER', text: line.text };
  }

  /** Whether stderr says something about just this path. */
  name(path: string): boolean {
    return this.#byPath.has(path);
  }

  /** Paths that failed and that a dry run does not list. */
  get unlisted(): string[] {
    const found = this.#lines.filter(({ text }) => unlisted.test(text)).map(({ path }) => path);
    return [...new Set(found)];
  }

  #lineAbout(path: string): Line | undefined {
    const own = this.#byPath.get(path) ?? this.#byTemporary.get(path);
    if (own !== undefined) return own;
    const name = basename(path);
    // The name of a temporary file is cut where it would be too long, as is that of one deep in the tree.
    for (let length = name.length - 1; length >= shortestCut && this.#byTemporary.size > 0; length--) {
      const cut = this.#byTemporary.get(path.slice(0, path.length - name.length + length));
      if (cut !== undefined) return cut;
    }
    for (let above = dirname(path); above !== '.'; above = dirname(above)) {
      const line = this.#byPath.get(above);
      if (line !== undefined) return line;
    }
    return undefined;
  }

  #read(line: string): Line | undefined {
    const escaped = nameIn(line);
    if (escaped === undefined || /^(rsync error|WARNING)/.test(line)) return undefined;
    const named = unescapeName(escaped);
    const ofSource = below(named, this.from.source);
    const path = ofSource ?? below(named, this.from.target) ?? named.replace(/^\.?\/*/, '');
    if (/(^|\/)(\.{0,2})(\/|$)/.test(path) && path !== '') return undefined;
    return { text: line.trim(), path, isOfSource: ofSource !== undefined };
  }
}

/**
 * The path that a line names, as rsync escapes it. A name may hold a quote or a bracket itself, so it goes up to the last
 * one; of two paths the first counts.
 */
const nameIn = (line: string): string | undefined => {
  const match =
    /: (?:unlink|rmdir)\((.*)\) failed|could not make way for new [\w ]+: (.*)$|"(.*?)"(?: \(in .*?\))? -> "|"(.*)"/.exec(
      line,
    );
  return match?.slice(1).find((name) => name !== undefined);
};

const below = (named: string, root: string): string | undefined => {
  if (named === root) return '';
  return named.startsWith(`${root}/`) ? named.slice(root.length + 1) : undefined;
};

/** The receiver writes `a/.name.XXXXXX` and renames it to `a/name`. @returns the latter for the former */
const ownerOfTemporary = (path: string): string | undefined => {
  const name = /^\.(.+)\.\w{6}$/s.exec(basename(path))?.[1];
  if (name === undefined) return undefined;
  const directory = dirname(path);
  return directory === '.' ? name : `${directory}/${name}`;
};
/** Names of fewer bytes are not cut, but for those at the end of the longest paths. */
const shortestCut = 200;
