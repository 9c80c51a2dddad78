/** What sersync's rsync_fail_log.sh holds. Paths are relative to the watched directory, one latin1 character per byte. */
export interface FailedChanges {
  readonly sent: readonly string[];
  readonly deleted: readonly string[];
  /** Failed full syncs: everything may differ. */
  readonly fullSyncs: number;
  /** Lines that no sersync wrote. */
  readonly strange: number;
}

/**
 * Reads the commands that sersync kept because a target did not take them; nothing of it is run.
 * @param script Its bytes as latin1.
 */
export const readFailScript = (script: string): FailedChanges => {
  const sent = new Set<string>();
  const deleted = new Set<string>();
  let fullSyncs = 0;
  let strange = 0;
  for (const command of script.split(/\n\n|\n(?=#errno |cd )/)) {
    const text = command.replace(/^#errno .*(?:\n|$)/, '').trim();
    if (text === '') continue;
    const gone = deletion.exec(text)?.[1];
    const changed = transfer.exec(text)?.[1];
    if (gone !== undefined) deleted.add(unescaped(gone.replace(/\/\*\*\*$/, '')));
    else if (changed !== undefined) sent.add(unescaped(changed));
    else if (fullSync.test(text)) fullSyncs++;
    else strange++;
  }
  return { sent: [...sent], deleted: [...deleted], fullSyncs, strange };
};

const deletion = /^cd .+? && rsync .* --delete \.\/ .*--include="(.+?)" --exclude=\* /s;
const transfer = /^cd .+? && rsync .*? "\.\/(.+)" \S+(?: --password-file=\S+)?(?: *>\/dev\/null 2>&1)?$/s;
const fullSync = /^cd .+? && rsync .* \.\/ /s;

/** Only the dollar sign was escaped. */
const unescaped = (path: string): string => path.replaceAll('\\$', '$');
