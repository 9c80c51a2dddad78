import { type Finding, ok, warn } from './finding.js';

/** What is wanted of the status of a running imgsync-fast. */
export interface RunningStatus {
  readonly live: boolean;
  readonly targets: readonly {
    readonly name: string;
    readonly state: string;
    readonly up: boolean;
    readonly reason?: string;
    readonly stuck: number;
    readonly held: number;
  }[];
}

const check = 'running';
const unwell: ReadonlySet<string> = new Set(['backing-off', 'halted', 'suspended']);

/**
 * What the imgsync-fast that runs with the state directory says.
 * @param running its process; `undefined`: there is none
 */
export const examineRunning = async (
  running: number | undefined,
  ask: () => Promise<RunningStatus>,
): Promise<Finding[]> => {
  if (running === undefined) return [ok(check, 'no imgsync-fast uses this state directory')];
  try {
    const { live, targets } = await ask();
    const text = live ? 'every directory is watched' : 'it sets up its watches';
    return [ok(check, `process ${running} answers: ${text}`), ...targets.flatMap(troublesOf)];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [
      warn(
        check,
        `process ${running} uses the state directory but does not answer: ${reason}`,
        'run this as the same user; if it hangs, restart it',
      ),
    ];
  }
};

/** One that is being tried again may be well soon, but is not yet. */
const stateOf = (state: string, up: boolean): string | undefined => {
  if (unwell.has(state)) return state;
  return up || state === 'paused' || state === 'stopped' ? undefined : 'tried again';
};

const troublesOf = ({ name, state, up, reason, stuck, held }: RunningStatus['targets'][number]): Finding[] =>
  [
    ...[stateOf(state, up)].flatMap((is) => (is === undefined ? [] : [`${is}: ${reason ?? 'see the log'}`])),
    ...(stuck > 0 ? [`${stuck} paths are stuck`] : []),
    ...(held > 0 ? [`the deletes of ${held} paths are held`] : []),
  ].map((text) => ({
    ...warn(check, text, 'look up the code that its log tells: docs/troubleshooting.md'),
    target: name,
  }));
