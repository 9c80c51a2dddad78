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
      const fields = fieldsOf(line);
      if (fields === undefined) return;
      if (fields.what.startsWith('<f')) {
        this.#movedFiles++;
        this.#movedBytes += fields.sentBytes;
      }
      this.onItem?.(itemOf(fields));
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

interface Fields {
  readonly what: string;
  readonly sentBytes: number;
  /** As rsync writes it. */
  readonly name: string;
}

/** There is a line for each file that is sent, so this is not done by a regular expression: that takes several times as long. */
const fieldsOf = (line: string): Fields | undefined => {
  const whatEnd = line.indexOf(' ');
  let at = whatEnd;
  while (line.charCodeAt(at) === space) at++;
  const lengthEnd = line.indexOf(' ', at);
  const bytesEnd = line.indexOf(' ', lengthEnd + 1);
  if (whatEnd < 2 || lengthEnd < 0 || bytesEnd < 0) return undefined;
  const sentBytes = Number(line.slice(lengthEnd + 1, bytesEnd));
  const isWhole = Number.isInteger(Number(line.slice(at, lengthEnd))) && Number.isInteger(sentBytes);
  return isWhole ? { what: line.slice(1, whatEnd), sentBytes, name: line.slice(bytesEnd + 1) } : undefined;
};

const space = 0x20;

const itemOf = ({ what, name: written }: Fields): ItemizedLine => {
  const name = unescapeName(written);
  const isDirectory = name.endsWith('/');
  const path = name.slice(name.startsWith('./') ? 2 : 0, isDirectory ? -1 : undefined);
  return { what, path: path === '.' ? '' : path, isDirectory };
};

/** rsync writes a byte that can't be shown as `\#ooo`, three octal digits, and a backslash that would look so as well. */
export const unescapeName = (name: string): string =>
  !name.includes('\\#')
    ? name
    : name.replace(/\\#([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** The reverse, as far as {@link unescapeName} and the end of a line need it. */
export const escapeName = (name: string): string =>
  name.replace(
    /[\x00-\x1f\x7f]|\\(?=#[0-7]{3})/g,
    (char) => `\\#${char.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
