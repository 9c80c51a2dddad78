const wrapOff = '\x1b[?7l';
const wrapOn = '\x1b[?7h';
const clearBelow = '\x1b[J';

/** What of a `tty.WriteStream` is used. */
export interface TerminalOutput {
  readonly rows: number;
  write(text: string): unknown;
}

/** A terminal with a block of lines at its lower end that is redrawn, and a log that scrolls above it. */
export class Terminal {
  #block: readonly string[] = [];

  constructor(private readonly output: TerminalOutput) {}

  /** Writes whole lines above the block. */
  write(lines: string): void {
    this.output.write(`${this.#erase()}${lines}${this.#draw()}`);
  }

  /** Replaces the block; lines that are too long are cut by the terminal, lines too many are counted. */
  show(lines: readonly string[]): void {
    const erase = this.#erase();
    // A terminal that does not know its size says 0.
    const room = Math.max(2, this.output.rows || 24) - 1;
    const rest = lines.length - room + 1;
    this.#block = rest > 1 ? [...lines.slice(0, room - 1), `… and ${rest} more`] : lines;
    this.output.write(`${erase}${this.#draw()}`);
  }

  /** Leaves the block where it is, as part of what scrolls. */
  release(): void {
    this.#block = [];
  }

  #erase(): string {
    return this.#block.length === 0 ? '' : `\x1b[${this.#block.length}A\r${clearBelow}`;
  }

  #draw(): string {
    return this.#block.length === 0 ? '' : `${wrapOff}${this.#block.join('\n')}${wrapOn}\n`;
  }
}

/** Whether colors are wanted (no-color.org). */
export const hasColors = (output: { readonly isTTY?: boolean }): boolean => {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0';
  return output.isTTY === true && TERM !== 'dumb';
};
