import { type Finding, fail, ok, warn } from './finding.js';

/** Pure: what `rsync --version` prints -> what is thought of it. `fsync` needs a newer one. */
export const judgeVersion = (check: string, output: string, wantsFsync: boolean): Finding => {
  if (/openrsync/.test(output))
    return fail(check, 'this is openrsync, which lacks what is needed', 'install rsync 3.2.7 or newer');
  const [, digits] = /^rsync\s+version\s+v?(\d+(?:\.\d+)*)/m.exec(output) ?? [];
  if (digits === undefined)
    return fail(check, `it does not tell its version: ${firstLine(output)}`, 'install rsync 3.2.7 or newer');
  const version = numberOf(digits);
  const text = `rsync ${digits}`;
  if (version < numberOf('3.1.0'))
    return fail(check, `${text} is too old: 3.1.3 is needed`, 'install rsync 3.2.7 or newer');
  if (version < numberOf('3.1.3'))
    return warn(
      check,
      `${text} was never tried: 3.1.3 is the oldest that was`,
      'install rsync 3.2.7 or newer',
    );
  return wantsFsync && version < numberOf('3.2.4')
    ? fail(check, `${text} does not know rsync.fsync`, 'install rsync 3.2.4 or newer, or take fsync out')
    : ok(check, text);
};

const numberOf = (version: string): number => {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  return (major * 1_000 + minor) * 1_000 + patch;
};

const firstLine = (text: string): string => text.trim().split('\n')[0] || 'nothing';

/** Pure: the protocol that a daemon greets with. 31 came with rsync 3.1.0, 32 with 3.4.0. */
export const judgeProtocol = (check: string, protocol: number): Finding =>
  protocol < 31
    ? fail(
        check,
        `the rsync daemon speaks protocol ${protocol}, so it is older than 3.1`,
        'install rsync 3.2.7 or newer there',
      )
    : ok(
        check,
        `an rsync daemon, ${protocol === 31 ? 'one of 3.1 to 3.3' : '3.4 or newer'} (protocol ${protocol})`,
      );
