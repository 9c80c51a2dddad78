/** One line of `--out-format='@%i %l %b %n'`. */
export interface ItemizedLine {
  /** `%i`, such as `<f.st......` or `*deleting`. */
  readonly what: string;
  /** latin1 path as rsync tells it: without `./` and without the slash that ends a directory; empty for the root. */
  readonly path: string;
  readonly isDirectory: boolean;
}

/** What rsync's standard output tells. */
export interface RsyncReport {
  /** Counts from `--stats`. */
  readonly files: number;
  readonly sentBytes: number;
  readonly literalBytes: number;
  /** Counted from the lines: the statistics of older daemons do not have it. */
  readonly deleted: number;
  /** Whether rsync left out every deletion of the call because something in the source could not be read. */
  readonly deletionsSkipped: boolean;
}

/** Reads rsync's standard output as it comes. */
export class ReportReader {
  #rest = '';
  #files = 0;
  #sentBytes = 0;
  #literalBytes = 0;
  #deleted = 0;
  #movedFiles = 0;
  #movedBytes = 0;
  #deletionsSkipped = false;

  /** @param onItem called for each itemized line */
  constructor(private readonly onItem?: (line: ItemizedLine) => void) {}

  /** What the lines told so far: files sent (a line comes when a file was sent, not when it was stored) and bytes on the wire. */
  get moved(): { readonly files: number; readonly sentBytes: number } {
    return { files: this.#movedFiles, sentBytes: this.#movedBytes };
  }

  /** Takes the next piece, latin1. */
  push(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#read(line);
  }

  end(): RsyncReport {
    this.push('\n');
    return {
      files: this.#files,
      sentBytes: this.#sentBytes,
      literalBytes: this.#literalBytes,
      deleted: this.#deleted,
      deletionsSkipped: this.#deletionsSkipped,
    };
  }

  #read(line: string): void {
    if (line.startsWith('@')) {
      if (line.startsWith('@*deleting')) this.#deleted++;
      else if (line.startsWith('@<f')) {
        this.#movedFiles++;
        this.#movedBytes += Number(/^@\S+ +\d+ (\d+) /.exec(line)?.[1] ?? 0);
      }
      if (this.onItem !== undefined) {
        const item = parseItem(line);
        if (item !== undefined) this.onItem(item);
      }
      return;
    }
    const count = /^(Number of regular files transferred|Total bytes sent|Literal data): (\d+)/.exec(line);
    if (count !== null) {
      const value = Number(count[2]);
      if (count[1] === 'Total bytes sent') this.#sentBytes = value;
      else if (count[1] === 'Literal data') this.#literalBytes = value;
      else this.#files = value;
    } else if (line.includes('skipping file deletion')) {
      this.#deletionsSkipped = true;
    }
  }
}

const parseItem = (line: string): ItemizedLine | undefined => {
  const parts = /^@(\S+) +\d+ \d+ (.*)$/s.exec(line);
  if (parts?.[1] === undefined || parts[2] === undefined) return undefined;
  const name = unescapeName(parts[2]);
  const isDirectory = name.endsWith('/');
  const path = (isDirectory ? name.slice(0, -1) : name).replace(/^\.\//, '');
  return { what: parts[1], path: path === '.' ? '' : path, isDirectory };
};

/** rsync writes a byte that can't be shown as `\#ooo`, three octal digits, and a backslash that would look so as well. */
export const unescapeName = (name: string): string =>
  name.replace(/\\#([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
