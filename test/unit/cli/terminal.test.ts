import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hasColors, Terminal } from '../../../src/cli/terminal.js';

/** Understands what Terminal writes; lines never scroll out of it. */
class Screen {
  readonly rows: number;
  #lines: string[] = [''];
  #row = 0;
  #column = 0;

  constructor(rows: number) {
    this.rows = rows;
  }

  write(text: string): boolean {
    for (const [part, up, erase] of text.matchAll(
      /\x1b\[(\d+)A|\x1b\[(J)|\x1b\[\?7[lh]|\r|\n|[^\x1b\r\n]+/g,
    )) {
      if (up !== undefined) this.#row -= Number(up);
      else if (erase !== undefined) this.#lines = [...this.#lines.slice(0, this.#row), this.#rest()];
      else if (part === '\r') this.#column = 0;
      else if (part === '\n') this.#newLine();
      else if (!part.startsWith('\x1b')) this.#put(part);
    }
    return true;
  }

  /** The lines, without the empty one that the cursor is on. */
  get lines(): string[] {
    assert.equal(this.#lines.at(-1), '', 'the cursor stands on an empty line');
    return this.#lines.slice(0, -1);
  }

  #rest(): string {
    return (this.#lines[this.#row] ?? '').slice(0, this.#column);
  }

  #newLine(): void {
    this.#row++;
    this.#column = 0;
    this.#lines[this.#row] ??= '';
  }

  #put(part: string): void {
    const line = this.#lines[this.#row] ?? '';
    this.#lines[this.#row] = line.slice(0, this.#column) + part + line.slice(this.#column + part.length);
    this.#column += part.length;
  }
}

const line = fc.stringMatching(/^[a-z ]{1,20}$/);
const step = fc.oneof(
  fc.record({ log: line }),
  fc.record({ table: fc.array(line, { minLength: 1, maxLength: 6 }) }),
);

test('the log stays above the last table, whatever the order', () =>
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const screen = new Screen(24);
      const terminal = new Terminal(screen);
      for (const each of steps) {
        if ('log' in each) terminal.write(`${each.log}\n`);
        else terminal.show(each.table);
      }
      const logged = steps.flatMap((each) => ('log' in each ? [each.log] : []));
      const table = steps.flatMap((each) => ('table' in each ? [each.table] : [])).at(-1) ?? [];
      assert.deepEqual(screen.lines, [...logged, ...table]);
    }),
  ));

test('a table that does not fit is cut and says so', () => {
  const screen = new Screen(4);
  const terminal = new Terminal(screen);
  terminal.show(['a', 'b', 'c']);
  assert.deepEqual(screen.lines, ['a', 'b', 'c']);
  terminal.show(['a', 'b', 'c', 'd', 'e']);
  assert.deepEqual(screen.lines, ['a', 'b', '… and 3 more']);
});

test('a terminal without a size is taken for one of 24 lines', () => {
  const screen = new Screen(0);
  new Terminal(screen).show(Array.from({ length: 30 }, (_, index) => String(index)));
  assert.equal(screen.lines.length, 23);
});

test('what is released scrolls with the log', () => {
  const screen = new Screen(24);
  const terminal = new Terminal(screen);
  terminal.show(['table']);
  terminal.release();
  terminal.write('end\n');
  assert.deepEqual(screen.lines, ['table', 'end']);
});

for (const [environment, isTTY, expected] of [
  [{}, true, true],
  [{}, false, false],
  [{ TERM: 'dumb' }, true, false],
  [{ NO_COLOR: '1' }, true, false],
  [{ NO_COLOR: '' }, true, true],
  [{ NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
  [{ FORCE_COLOR: '1' }, false, true],
  [{ FORCE_COLOR: '0' }, true, false],
] as const) {
  test(`colors with ${JSON.stringify(environment)} ${isTTY ? 'on' : 'without'} a terminal: ${expected}`, (t) => {
    const { NO_COLOR, FORCE_COLOR, TERM, ...others } = process.env;
    const before = process.env;
    t.after(() => {
      process.env = before;
    });
    process.env = { ...others, ...environment };
    assert.equal(hasColors({ isTTY }), expected);
  });
}
