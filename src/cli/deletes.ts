import { loadConfig } from '../config/load.js';
import type { HeldDeletesStatus } from '../daemon/status.js';
import { askControl, ControlError } from './control-client.js';
import { exitCodes } from './exit-codes.js';

export type DeletesAction = 'list' | 'approve' | 'reject';

export interface DeletesOptions {
  readonly target: string | undefined;
  readonly json: boolean;
}

/** Paths of one target that the list names; `--json` names more. */
const maxNamed = 20;

/**
 * Shows or decides on the deletes that the running imgsync-fast holds.
 * @returns The exit code. Rejects with what `loadConfig` does or a {@link ControlError}.
 */
export const deletes = async (
  file: string,
  action: DeletesAction,
  { target, json }: DeletesOptions,
): Promise<number> => {
  const { stateDir, targets } = await loadConfig(file);
  try {
    if (action === 'list') {
      const answer = (await askControl(stateDir, 'GET /v1/deletes')) as {
        readonly targets: readonly HeldDeletesStatus[];
      };
      const chosen = answer.targets.filter(({ target: name }) => target === undefined || name === target);
      if (target !== undefined && chosen.length === 0)
        throw new ControlError('REFUSED', `there is no target ${JSON.stringify(target)}`, namesOf(targets));
      print(json ? JSON.stringify({ targets: chosen }, undefined, 2) : listOf(chosen));
    } else {
      const body = target === undefined ? undefined : { target };
      const answer = (await askControl(stateDir, `POST /v1/deletes/${action}`, body)) as {
        readonly paths: Readonly<Record<string, number>>;
      };
      print(json ? JSON.stringify(answer) : decisionOf(action, answer.paths));
    }
    return exitCodes.ok;
  } catch (error) {
    if (!(error instanceof ControlError) || error.code !== 'REFUSED') throw error;
    process.stderr.write(`${error.message}\n`);
    return exitCodes.usage;
  }
};

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const namesOf = (targets: readonly { readonly name: string }[]): string =>
  `the targets are ${targets.map(({ name }) => name).join(', ')}`;

/** One line for each target, and below it the first paths. */
export const listOf = (targets: readonly HeldDeletesStatus[]): string => {
  const rows = [
    ['target', 'deletes', 'held', 'entries', 'kept', 'since'],
    ...targets.map(({ target, holding, held, entries, kept, since }) => [
      target,
      holding ? 'held' : 'flow',
      String(held),
      String(entries),
      String(kept),
      since ?? '-',
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return lines
    .flatMap((line, index) => {
      const target = targets[index - 1];
      return target === undefined
        ? [line]
        : [
            line,
            ...named('held', target.heldPaths, target.held),
            ...named('kept', target.keptPaths, target.kept),
          ];
    })
    .join('\n');
};

const named = (word: string, paths: readonly string[], count: number): string[] => {
  const shown = paths.slice(0, maxNamed).map((path) => `  ${word}  ${path}`);
  return count > shown.length ? [...shown, `  ${word}  … and ${count - shown.length} more`] : shown;
};

const decisionOf = (action: DeletesAction, paths: Readonly<Record<string, number>>): string =>
  Object.entries(paths)
    .map(([target, count]) => {
      if (count === 0) return `${target}: nothing was held`;
      const what = `${count} ${count === 1 ? 'path' : 'paths'}`;
      return action === 'approve' ? `${target}: ${what} will be deleted` : `${target}: ${what} will be kept`;
    })
    .join('\n');
