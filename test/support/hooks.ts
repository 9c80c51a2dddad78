import { hookSchema } from '../../src/config/hook-schema.js';
import { hooksOf } from '../../src/config/hooks.js';
import type { Change } from '../../src/core/change.js';
import type { Hook } from '../../src/core/hook.js';
import { asRelPath } from '../../src/core/path.js';

/** A hook as sync.json says it, with all its defaults. */
export const hookOf = <Type extends Hook['type']>(
  settings: { readonly type: Type } & Readonly<Record<string, unknown>>,
): Extract<Hook, { type: Type }> => hooksOf([hookSchema.parse(settings)])[0] as Extract<Hook, { type: Type }>;

/** Changes of these paths by themselves. */
export const entries = (...paths: readonly string[]): Change[] =>
  paths.map((path) => ({ kind: 'entry', path: asRelPath(path) }));
