import { closeSync, openSync, writeSync } from 'node:fs';
import type { ChangeKind } from '../core/change.js';
import { displayPath, type RelPath } from '../core/path.js';

/** One line of the fail log. Keys are stable. */
export interface FailLogEntry {
  readonly target: string;
  readonly path: RelPath;
  readonly kind: ChangeKind;
  /** Stable name such as `PERMISSION_DENIED`. */
  readonly code: string;
  /** rsync's words. */
  readonly text: string;
  /** Failures of this path in a row. */
  readonly attempts: number;
}

/**
 * Appends each failure of a single path to a file, one JSON object a line: `at` (ISO 8601, UTC), `target`, `path` (for
 * people), `bytes` (hexadecimal, only when the path is not plain UTF-8), `kind`, `code`, `text`, `attempts`. Each line
 * is one write, and the file is opened anew for it, so it may be rotated at any time.
 */
export class FailLog {
  /** @param file absolute path; its directory exists */
  constructor(private readonly file: string) {}

  /** Throws a system error when the file can't be written. */
  write({ path, ...entry }: FailLogEntry): void {
    const shown = displayPath(path);
    const isPlain = Buffer.from(path, 'latin1').equals(Buffer.from(shown, 'utf8'));
    const bytes = isPlain ? {} : { bytes: Buffer.from(path, 'latin1').toString('hex') };
    const line = JSON.stringify({ at: new Date().toISOString(), ...entry, path: shown, ...bytes });
    const fd = openSync(this.file, 'a', 0o640);
    try {
      writeSync(fd, `${line}\n`);
    } finally {
      closeSync(fd);
    }
  }
}
