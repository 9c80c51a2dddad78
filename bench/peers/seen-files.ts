import { readdirSync } from 'node:fs';

/** Which of the generated files were told of; each counts once. Their names end in a number of eight digits. */
export class SeenFiles {
  #numbers = new Uint8Array(1 << 20);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** A path, or the name alone. */
  add(path: string): void {
    const digitsAt = path.length - 'NNNNNNNN.jpg'.length;
    const number = Number(path.slice(digitsAt, digitsAt + 8));
    if (!Number.isInteger(number) || !path.endsWith('.jpg')) return;
    if (number >= this.#numbers.length) this.#grow(number);
    if (this.#numbers[number] === 1) return;
    this.#numbers[number] = 1;
    this.#count++;
  }

  /** Something in this directory is new, or in all below it: what it is has to be looked for. */
  addDirectory(path: string, recursive = false): void {
    for (const name of readdirSync(path, { encoding: 'latin1', recursive })) this.add(name);
  }

  #grow(number: number): void {
    const larger = new Uint8Array(Math.max(number + 1, this.#numbers.length * 2));
    larger.set(this.#numbers);
    this.#numbers = larger;
  }
}
