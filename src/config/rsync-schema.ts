import * as z from 'zod';
import { faultOfRsyncArg } from './extra-rsync-args.js';
import { flag, integer, list, section, text } from './fields.js';

// The section `rsync`, and the same of a target.

const keys = {
  path: text('expected the name or path of a program')
    .regex(/^[^-\0][^\0]*$/, { error: 'expected the name or path of a program' })
    .describe('The rsync program; looked up in PATH when it holds no slash.'),
  timeoutSeconds: integer('seconds', 1, 86_400).describe(
    'Seconds without progress after which a connection or a transfer counts as failed and is tried again.',
  ),
  compress: flag().describe(
    'Compress on the wire. Pays on slow links with texts; images do not get smaller.',
  ),
  wholeFile: z
    .union([z.boolean(), z.literal('auto')], { error: 'expected true, false or "auto"' })
    .describe(
      'Send changed files whole (`true`) or as differences (`false`). `"auto"`: whole to local targets, differences else.',
    ),
  checksum: flag().describe(
    'Compare files by their content instead of by size and time: both sides read every file of a batch.',
  ),
  update: flag().describe(
    'Leave alone what is newer at the target. **Then an older file that is moved over a newer one never arrives**, and nobody is told: only for targets to which others write, too.',
  ),
  fsync: flag().describe(
    'Write each file to the disk of the target before it counts as there. Needs rsync 3.2.4 on both sides.',
  ),
  listsOnly: flag().describe(
    'Name what is sent in lists (`--files-from`) alone. Otherwise the paths of larger batches are arguments of rsync, which reads them many times faster than a list; other users of the machine see them in `ps`.',
  ),
  args: list(
    text('expected an option of rsync').superRefine((arg, context) => {
      const fault = faultOfRsyncArg(arg);
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
    }),
    'options',
  ).describe(
    'Further rsync options, values in the same string: `["--acls", "--no-owner"]`. Those that would break the work of imgsync-fast, or that a key governs, are refused with the reason; of `--chmod` and others that have a key as well, the key wins.',
  ),
};

const mode = '[DF]?(?:[0-7]{3,4}|[ugoa]*[-+=][rwxXst]*)';
const mapping = String.raw`[^,:\s\p{C}]+:[^,:\s\p{C}]+`;
const mapped = (what: string) =>
  text(`expected pairs of ${what}`)
    .regex(new RegExp(`^${mapping}(?:,${mapping})*$`, 'u'), {
      error: `expected pairs of ${what} such as "1000:33" or "0-99:nobody,*:www", separated by commas`,
    })
    .optional();

/** Below what the target's URL names; without anything that a pattern or the way up would make of it. */
const below = /^(?!\/)(?!.*(?:^|\/)\.{0,2}(?:\/|$))[^\p{Cc}*?[\\]{1,1024}$/u;
const belowError =
  'expected a directory below the target, such as ".backup", without "..", wildcards and slash at the end';
const anywhereError = 'expected an absolute path, or a directory below the target such as ".receiving"';

/** Keys that are set or are not; a target's win. */
const settable = {
  chmod: text('expected modes')
    .regex(new RegExp(`^${mode}(?:,${mode})*$`), {
      error: 'expected modes as for chmod: "D755,F644" or "Dg+s,go-w"',
    })
    .optional()
    .describe(
      'Changes the modes that arrive: `"D755,F644"`, `D` for directories alone, `F` for files alone.',
    ),
  chown: text('expected an owner')
    .regex(/^(?:[^:\s\p{C}]+(?::[^:\s\p{C}]+)?|:[^:\s\p{C}]+)$/u, {
      error: 'expected "user:group", "user" or ":group"',
    })
    .optional()
    .describe(
      'Owner of all that arrives: `"www:www"`, `":www"`. Needs a root at the target; a daemon in a chroot knows only numbers.',
    ),
  usermap: mapped('users').describe(
    'Changes users: `"1000:33,*:0"`, the first that fits. Needs a root at the target.',
  ),
  groupmap: mapped('groups').describe('Changes groups, in the same way.'),
  backupDir: text(belowError)
    .regex(below, { error: belowError })
    .optional()
    .describe(
      'Directory at the target, below its path, into which files are moved before they are replaced or deleted. `exclude` has to name it (`"/.backup/"`), or it would be deleted itself.',
    ),
  tempDir: text(anywhereError)
    .refine((path) => /^\/[^\p{Cc}]*$/u.test(path) || below.test(path), { error: anywhereError })
    .optional()
    .describe(
      'Directory at the target for files that are being received; it has to be there. On another file system than the target, files no longer appear at once. Below the target, `exclude` has to name it.',
    ),
};

export const commonRsync = section({
  path: keys.path.default('rsync'),
  timeoutSeconds: keys.timeoutSeconds.default(60),
  compress: keys.compress.default(false),
  wholeFile: keys.wholeFile.default('auto'),
  checksum: keys.checksum.default(false),
  update: keys.update.default(false),
  fsync: keys.fsync.default(false),
  listsOnly: keys.listsOnly.default(false),
  ...settable,
  args: keys.args.default([]),
})
  .prefault({})
  .describe('How rsync is run; a target can override each key.');

export const targetRsync = section({
  path: keys.path.optional(),
  timeoutSeconds: keys.timeoutSeconds.optional(),
  compress: keys.compress.optional(),
  wholeFile: keys.wholeFile.optional(),
  checksum: keys.checksum.optional(),
  update: keys.update.optional(),
  fsync: keys.fsync.optional(),
  listsOnly: keys.listsOnly.optional(),
  ...settable,
  args: keys.args.optional(),
})
  .prefault({})
  .describe('Overrides single keys of the `rsync` section for this target.');

type Settable = { readonly [Key in keyof typeof settable]?: string | undefined };

/**
 * What does not go together.
 * @param own the section in question @param common what it overrides @param exclude the patterns of the tree
 */
export const faultsOfRsync = (
  own: Settable,
  common: Settable,
  exclude: readonly string[],
): { readonly path: [keyof Settable]; readonly message: string }[] => {
  const { chown, usermap, groupmap } = { ...common, ...own };
  const isMapped = usermap !== undefined || groupmap !== undefined;
  const isNew = (['chown', 'usermap', 'groupmap'] as const).some((key) => own[key] !== undefined);
  const both: ReturnType<typeof faultsOfRsync> =
    chown !== undefined && isMapped && isNew
      ? [{ path: ['chown'], message: 'does not go together with usermap and groupmap: it is one of each' }]
      : [];
  return [
    ...both,
    ...(['backupDir', 'tempDir'] as const).flatMap((key) => {
      const directory = own[key];
      if (directory === undefined || directory.startsWith('/') || isExcluded(directory, exclude)) return [];
      const message = `it lies among what is replicated, and would be deleted: add "/${directory}/" to exclude`;
      return [{ path: [key] as [typeof key], message }];
    }),
  ];
};

const isExcluded = (directory: string, exclude: readonly string[]): boolean => {
  const names = directory.split('/');
  return names.some((_name, index) => {
    const path = `/${names.slice(0, index + 1).join('/')}`;
    return exclude.includes(path) || exclude.includes(`${path}/`);
  });
};
