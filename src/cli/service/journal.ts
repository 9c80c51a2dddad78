import { fstatSync } from 'node:fs';

/**
 * Whether this descriptor leads to systemd's journal, by `JOURNAL_STREAM` (systemd.exec(5)): its device and inode. The
 * variable alone says nothing, for the output may have been redirected since.
 */
export const isJournal = (fd: number, env: NodeJS.ProcessEnv = process.env): boolean => {
  const [, device, inode] = /^(\d+):(\d+)$/.exec(env.JOURNAL_STREAM ?? '') ?? [];
  if (device === undefined || inode === undefined) return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return dev === BigInt(device) && ino === BigInt(inode);
  } catch {
    return false;
  }
};

/** The text for standard error; each line as an error where it goes to the journal. */
export const errorText = (text: string): string => (isJournal(2) ? text.replace(/^(?=.)/gm, '<3>') : text);
