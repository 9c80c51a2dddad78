import type { VerifiedTarget, VerifyReport } from '../daemon/verification.js';
import { askControl } from './control-client.js';
import { controlPlace } from './control-place.js';
import { exitCodes } from './exit-codes.js';
import { print, printJson } from './output.js';

export interface VerifyCommandOptions {
  readonly target: string | undefined;
  readonly checksum: boolean;
  readonly sample: number | undefined;
  readonly heal: boolean;
  readonly json: boolean;
}

/** Paths of one target that are named; `--json` names more. */
const maxNamed = 20;

/** Compares targets with the source. @returns the exit code */
export const verify = async (file: string, { json, ...asked }: VerifyCommandOptions): Promise<number> => {
  const { stateDir } = await controlPlace(file);
  const report = (await askControl(stateDir, 'POST /v1/verify', asked, 0)) as VerifyReport;
  if (json) printJson('verify', report);
  else for (const line of report.targets.flatMap(linesOf)) print(line);
  const failed = report.targets.filter(({ failure }) => failure !== undefined).length;
  if (report.targets.some(({ drift = 0 }) => drift > 0)) return exitCodes.notInSync;
  if (failed === 0) return exitCodes.ok;
  return failed === report.targets.length ? exitCodes.failed : exitCodes.partly;
};

const linesOf = ({ name, drift, paths = [], isCut, healing, failure }: VerifiedTarget): string[] => {
  if (failure !== undefined)
    return [`${name}: not compared: ${failure.code}: ${failure.text}: ${failure.hint}`];
  if (drift === 0) return [`${name}: no drift`];
  const shown = paths.slice(0, maxNamed);
  const more = (drift ?? 0) - shown.length;
  return [
    `${name}: ${drift}${isCut === true ? ' or more' : ''} ${drift === 1 ? 'path differs' : 'paths differ'}${healing === true ? ', sent again' : ''}`,
    ...shown.map((each) => `  ${each.drift.padEnd(10)}  ${each.path}`),
    ...(more > 0 ? [`  … and ${more} more`] : []),
  ];
};
