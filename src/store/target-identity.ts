import type { FilterRule, Target } from '../core/target.js';

/** What decides, beside the target itself, what is put there. */
export interface SentContent {
  readonly rules: readonly FilterRule[];
  /** Whether gone paths are deleted at the targets. */
  readonly deletes: boolean;
  readonly crossMounts: boolean;
}

/**
 * The place of a target and all that decides what is put there, as text: when it changes, what was acknowledged before
 * says nothing any more. Name, credentials, speed and time limits are no part of it.
 */
export const targetIdentity = (
  { location, rsync }: Target,
  { rules, deletes, crossMounts }: SentContent,
): string => {
  const { chmod, chown, usermap, groupmap, update } = rsync;
  const changed = { chmod, chown, usermap, groupmap, update };
  return JSON.stringify([
    Object.entries(location).sort(),
    rsync.args,
    rules,
    deletes,
    crossMounts,
    // Absent where nothing is changed: as it was before there were such options.
    ...(Object.values(changed).some((value) => value !== undefined) ? [changed] : []),
  ]);
};
