import { statfs } from 'node:fs/promises';
import { type Finding, fail, ok, warn } from './finding.js';

/** What is free on a file system for a user without privileges. */
export interface Space {
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** `undefined` where files are not counted. */
  readonly freeFiles: number | undefined;
}

export const spaceAt = async (path: string): Promise<Space> => {
  const { bavail, blocks, bsize, files, ffree } = await statfs(path);
  return {
    freeBytes: bavail * bsize,
    totalBytes: blocks * bsize,
    freeFiles: files === 0 ? undefined : ffree,
  };
};

/** Less than this is as good as nothing. */
const none = { bytes: 1 << 20, files: 16 };
/** From here on it is little: bytes, share of the whole, files. */
const little = { bytes: 1 << 30, share: 0.05, files: 10_000 };

/** @param neededBytes what is wanted at least; default: a share of the whole */
export const judgeSpace = (
  check: string,
  { freeBytes, totalBytes, freeFiles }: Space,
  neededBytes?: number,
): Finding => {
  const text = `${sizeText(freeBytes)} free${freeFiles === undefined ? '' : `, room for ${freeFiles} files`}`;
  const remedy = 'free space there, or name another place';
  const files = freeFiles ?? Number.POSITIVE_INFINITY;
  if (freeBytes < none.bytes || files < none.files) return fail(check, `only ${text}`, remedy);
  const isLittle =
    neededBytes === undefined
      ? freeBytes < little.bytes && freeBytes < little.share * totalBytes
      : freeBytes < neededBytes;
  return isLittle || files < little.files ? warn(check, `only ${text}`, remedy) : ok(check, text);
};

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

const sizeText = (bytes: number): string => {
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
};
