import { setTimeout as sleep } from 'node:timers/promises';
import type { DaemonStatus } from '../daemon/status.js';
import { askControl } from './control-client.js';
import { controlPlace } from './control-place.js';
import { exitCodes } from './exit-codes.js';
import { print, printJson } from './output.js';
import { reporter } from './progress.js';
import { tableOf } from './report.js';
import { hasColors, Terminal } from './terminal.js';

/** Between two looks, so that there are rates to show, ms. */
const sampleMs = 300;
const watchMs = 1_000;

/** Shows how far the targets are, once or until it is ended. @returns the exit code */
export const status = async (
  file: string,
  { watch, json }: { readonly watch: boolean; readonly json: boolean },
): Promise<number> => {
  const { stateDir } = await controlPlace(file);
  const ask = async (): Promise<DaemonStatus> =>
    (await askControl(stateDir, 'GET /v1/status')) as DaemonStatus;
  const report = reporter(3_000);
  const table = async (): Promise<string[]> =>
    tableOf(report(await ask()), hasColors(process.stdout), Date.now());
  if (json && !watch) {
    printJson('status', await ask());
  } else if (!watch) {
    report(await ask());
    await sleep(sampleMs);
    for (const line of await table()) print(line);
  } else {
    const terminal = process.stdout.isTTY === true ? new Terminal(process.stdout) : undefined;
    // Ended by a signal, or with the imgsync-fast that is asked.
    for (; ; await sleep(watchMs)) {
      if (json) print(JSON.stringify({ schema: 'imgsync-fast/status/1', ...(await ask()) }));
      else if (terminal !== undefined) terminal.show(await table());
      else for (const line of await table()) print(line);
    }
  }
  return exitCodes.ok;
};
