import { OperationError } from '../core/errors.js';

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `500ms`, `30s`, `5m`, `1h`; a bare number counts seconds. @returns ms. Throws an {@link OperationError}. */
export const durationMs = (text: string): number => {
  const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  if (number !== undefined) return Number(number) * (units[unit] ?? 1_000);
  throw new OperationError(
    'BAD_REQUEST',
    `${JSON.stringify(text)} is no time`,
    'write it as 500ms, 30s, 5m or 1h',
  );
};
