import type { SettledReport } from '../daemon/settled.js';
import { askControl } from './control-client.js';
import { controlPlace, pathForSource } from './control-place.js';
import { durationMs } from './duration.js';
import { exitCodes } from './exit-codes.js';
import { print, printJson, say } from './output.js';
import { linesOf } from './wait.js';

/** Pauses a target, or lets it go on. @returns the exit code */
export const setPaused = async (
  file: string,
  action: 'pause' | 'resume',
  target: string,
  { json }: { readonly json: boolean },
): Promise<number> => {
  const { stateDir } = await controlPlace(file);
  await askControl(stateDir, `POST /v1/targets/${action}`, { target });
  const word = action === 'pause' ? 'paused' : 'resumed';
  if (json) printJson(action, { target });
  else print(`${target}: ${word}`);
  return exitCodes.ok;
};

/** Sends all that waits for a target, then pauses it. @returns the exit code */
export const drain = async (
  file: string,
  target: string,
  { timeout, json }: { readonly timeout: string; readonly json: boolean },
): Promise<number> => {
  const timeoutMs = durationMs(timeout);
  const { stateDir } = await controlPlace(file);
  const report = (await askControl(
    stateDir,
    'POST /v1/targets/drain',
    { target, timeoutMs },
    0,
  )) as SettledReport;
  if (json) printJson('drain', report);
  else if (report.settled) print(`${target}: has everything, and is paused`);
  for (const line of linesOf(report, timeout)) say(line);
  return report.settled ? exitCodes.ok : exitCodes.notInSync;
};

/** Sends paths again. @returns the exit code */
export const push = async (
  file: string,
  paths: readonly string[],
  { target, json }: { readonly target: string | undefined; readonly json: boolean },
): Promise<number> => {
  const { stateDir, source } = await controlPlace(file);
  const asked = await Promise.all(paths.map((path) => pathForSource(source, path)));
  const body = { paths: asked, ...(target === undefined ? {} : { target }) };
  const answer = (await askControl(stateDir, 'POST /v1/push', body)) as { readonly paths: number };
  if (json) printJson('push', answer);
  else print(`${answer.paths} ${answer.paths === 1 ? 'path is' : 'paths are'} sent again`);
  return exitCodes.ok;
};

/** Starts a full sync. @returns the exit code */
export const full = async (
  file: string,
  target: string | undefined,
  { json }: { readonly json: boolean },
): Promise<number> => {
  const { stateDir } = await controlPlace(file);
  const answer = (await askControl(
    stateDir,
    'POST /v1/full',
    target === undefined ? undefined : { target },
  )) as { readonly targets: readonly string[] };
  if (json) printJson('full', answer);
  else
    print(
      answer.targets.length === 0
        ? 'a full sync is under way already'
        : `a full sync begins, one after the other: ${answer.targets.join(', ')}`,
    );
  return exitCodes.ok;
};
