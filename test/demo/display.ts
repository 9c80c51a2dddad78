import type { WriteStream } from 'node:tty';
import { RateMeter } from '../../src/cli/rate.js';
import { tableOf } from '../../src/cli/report.js';
import { hasColors, Terminal } from '../../src/cli/terminal.js';
import type { DaemonStatus } from '../../src/daemon/status.js';
import type { LogLine } from '../support/imgsync.js';

const windowMs = 3_000;

/** What the demo tells, and below it a live table of the targets; lines now and then where there is no terminal. */
export class Display {
  readonly #terminal: Terminal | undefined;
  readonly #meters = new Map<string, { readonly files: RateMeter; readonly bytes: RateMeter }>();
  readonly #startedAt = performance.now();

  constructor(private readonly output: WriteStream) {
    this.#terminal = output.isTTY && process.env.TERM !== 'dumb' ? new Terminal(output) : undefined;
  }

  say(text: string): void {
    const time = ((performance.now() - this.#startedAt) / 1000).toFixed(1).padStart(6);
    const line = `${time} s  ${text}\n`;
    if (this.#terminal === undefined) this.output.write(line);
    else this.#terminal.write(line);
  }

  /** Shows the status when the line of imgsync-fast's log holds one. */
  take({ msg, status }: LogLine): void {
    if (msg !== 'status') return;
    const report = this.#withRates(status as DaemonStatus);
    if (this.#terminal !== undefined) {
      this.#terminal.show(tableOf(report, hasColors(this.output)));
      return;
    }
    const pending = report.targets.map((target) => target.pending).join(' ');
    const lagSeconds = Math.max(...report.targets.map((target) => target.lagSeconds));
    const filesPerSecond = report.targets.reduce((sum, target) => sum + target.filesPerSecond, 0);
    this.say(
      `pending ${pending}, longest lag ${lagSeconds.toFixed(1)} s, ${Math.round(filesPerSecond)} files/s in all`,
    );
  }

  /** Leaves the table where it is. */
  close(): void {
    this.#terminal?.release();
  }

  #withRates(status: DaemonStatus) {
    const now = performance.now();
    const targets = status.targets.map((target) => {
      const meters = this.#meters.get(target.name) ?? {
        files: new RateMeter(windowMs),
        bytes: new RateMeter(windowMs),
      };
      this.#meters.set(target.name, meters);
      return {
        ...target,
        filesPerSecond: meters.files.update(target.filesSent, now),
        bytesPerSecond: meters.bytes.update(target.bytesSent, now),
      };
    });
    return { ...status, targets };
  }
}
