import { asRelPath, type RelPath } from '../core/path.js';
import { loadAddon, type ScanOptions } from '../native/addon.js';

/** One directory as the scanner found it. */
export interface ScannedDirectory {
  readonly path: RelPath;
  /** 16 bytes as a latin1 string; equal digests mean equal entries. All NUL when no digests were asked for. */
  readonly digest: string;
  readonly entries: number;
}

const digestBytes = 16;

/** Reads the addon's packed records. */
export function* unpackScan(records: Buffer): Generator<ScannedDirectory> {
  for (let at = 0; at < records.length; ) {
    const end = records.indexOf(0, at);
    const digestAt = end + 1;
    yield {
      path: asRelPath(records.toString('latin1', at, end)),
      digest: records.toString('latin1', digestAt, digestAt + digestBytes),
      entries: records.readUInt32LE(digestAt + digestBytes),
    };
    at = digestAt + digestBytes + 4;
  }
}

/** Every directory of the tree that the filter lets through, parents before children. */
export const scanDirectories = async (options: ScanOptions): Promise<ScannedDirectory[]> => [
  ...unpackScan(await loadAddon().scanTree(options)),
];
