import { type Finding, ok, warn } from './finding.js';

/** A clock that is off by more is told, seconds. */
const mostSkew = 2;

/** Pure. @param thereSeconds what its clock showed at some moment between the two, which are ms since the epoch */
export const judgeClock = (thereSeconds: number, startedAt: number, endedAt: number): Finding => {
  const behind = Math.floor(startedAt / 1_000) - thereSeconds;
  const ahead = thereSeconds - Math.ceil(endedAt / 1_000);
  const skew = Math.max(behind, ahead);
  return skew > mostSkew
    ? warn(
        'clock',
        `it is ${skew} s ${behind > 0 ? 'behind' : 'ahead of'} the clock here`,
        'let both keep their time by NTP',
      )
    : ok('clock', `within ${mostSkew} s of the clock here`);
};
