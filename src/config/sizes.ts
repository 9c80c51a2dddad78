const bytesPerUnit: Readonly<Record<string, number>> = {
  '': 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};

/**
 * `"64m"` -> 67108864. A number is bytes; a text is a number with k, m, g or t behind it (powers of 1024, either
 * case, `B` or `iB` may follow). `undefined` for anything else.
 */
export const parseSize = (size: number | string): number | undefined => {
  if (typeof size === 'number') return Number.isSafeInteger(size) && size >= 0 ? size : undefined;
  const [, amount, unit] = /^(\d+(?:\.\d+)?) ?([kmgt]?)(?:i?b)?$/i.exec(size) ?? [];
  const factor = bytesPerUnit[unit?.toLowerCase() ?? '?'];
  if (amount === undefined || factor === undefined) return undefined;
  const bytes = Math.round(Number(amount) * factor);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
};

/** rsync's notation for `--bwlimit`; a bare number would be KiB/s there, so the unit has to be written. */
const rate = /^\d+(?:\.\d+)?[kmg](?:i?b)?$/i;

/** Whether rsync takes `text` as a bandwidth of at least 1 KiB/s. */
export const isBandwidth = (text: string): boolean => rate.test(text) && (parseSize(text) ?? 0) >= 1024;
