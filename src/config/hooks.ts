import type { Hook } from '../core/hook.js';
import type { FilterRule } from '../core/target.js';
import type { HookSettings } from './hook-schema.js';

/** Names are filled in: the type, with the place in the list where several of a type have none. */
export const hooksOf = (settings: readonly HookSettings[]): Hook[] =>
  settings.map((hook, index): Hook => {
    const own = {
      name: nameOf(settings, index),
      only: hook.only.map(excludeOf),
      exclude: hook.exclude.map(excludeOf),
    };
    return 'headers' in hook ? { ...hook, ...own, secretFile: hook.secretFile } : { ...hook, ...own };
  });

/** Name of one entry, given or not. */
export const nameOf = (settings: readonly HookSettings[], index: number): string => {
  const { name, type } = settings[index] as HookSettings;
  if (name !== undefined) return name;
  const isAlone = settings.every((other, at) => at === index || (other.name ?? other.type) !== type);
  return isAlone ? type : `${type}-${index + 1}`;
};

const excludeOf = (pattern: string): FilterRule => `- ${Buffer.from(pattern, 'utf8').toString('latin1')}`;
