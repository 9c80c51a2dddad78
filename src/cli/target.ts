import { OperationError } from '../core/errors.js';
import { askControl } from './control-client.js';
import { controlPlace } from './control-place.js';
import { exitCodes } from './exit-codes.js';
import { print, printJson } from './output.js';

export type TargetAction = 'add' | 'rm';

/**
 * Adds a target while it runs, or takes out one that was added so.
 * @param what of `add`: a URL or a target as JSON; of `rm`: a name
 * @returns the exit code
 */
export const target = async (
  file: string,
  action: TargetAction,
  what: string,
  { json }: { readonly json: boolean },
): Promise<number> => {
  const { stateDir } = await controlPlace(file);
  const body = { target: action === 'add' ? targetOf(what) : what };
  // A target that leaves may finish its transfers first.
  const answer = (await askControl(stateDir, `POST /v1/targets/${action}`, body, 0)) as {
    readonly target: string;
  };
  if (json) printJson('target', { action, ...answer });
  else print(`${answer.target}: ${action === 'add' ? 'added' : 'taken out'}`);
  return exitCodes.ok;
};

const targetOf = (text: string): unknown => {
  if (!text.startsWith('{')) return text;
  try {
    return JSON.parse(text);
  } catch {
    throw new OperationError('BAD_REQUEST', `${text} is no JSON`, 'write it as in targets of sync.json');
  }
};
