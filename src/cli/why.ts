import type { PathAtTarget, WhyReport } from '../daemon/why.js';
import { askControl } from './control-client.js';
import { controlPlace, pathForSource } from './control-place.js';
import { exitCodes } from './exit-codes.js';
import { print, printJson } from './output.js';

/** Says where a path stands with each target. @returns the exit code */
export const why = async (
  file: string,
  path: string,
  { json }: { readonly json: boolean },
): Promise<number> => {
  const { stateDir, source } = await controlPlace(file);
  const asked = await pathForSource(source, path);
  const query = new URLSearchParams(typeof asked === 'string' ? { path: asked } : { ...asked });
  const report = (await askControl(stateDir, `GET /v1/why?${query}`)) as WhyReport;
  if (json) printJson('why', report);
  else for (const line of linesOf(report)) print(line);
  return exitCodes.ok;
};

const linesOf = ({ path, source, excluded, beingWritten, live, targets }: WhyReport): string[] => {
  const what = source === 'missing' ? 'the source does not have it' : `a ${source} of the source`;
  if (excluded !== undefined)
    return [
      `${path}: ${what}`,
      `excluded: ${JSON.stringify(excluded.pattern)} at ${excluded.pointer} of the configuration matches ${excluded.path}`,
    ];
  return [
    `${path}: ${what}`,
    ...(beingWritten ? ['being written: it is sent when its writer has closed it'] : []),
    ...(live ? [] : ['the source is not watched at the moment']),
    ...targets.map(
      (target) => `${target.name}: ${[wordsOf(target), notes(target)].filter(Boolean).join('; ')}`,
    ),
  ];
};

const wordsOf = ({ place, at, path, error }: PathAtTarget): string => {
  const since = at === undefined ? '' : ` since ${at}`;
  const by = path === undefined ? '' : ` (as part of ${path})`;
  switch (place) {
    case 'acknowledged':
      return at === undefined
        ? 'acknowledged, before the start or with a comparison'
        : `acknowledged at ${at}`;
    case 'stuck':
      return `stuck${since}${by}: ${error?.code}: ${error?.text} (tried ${error?.attempts} times)`;
    case 'unread':
    case 'pending':
      return `pending${since}${by}`;
    case 'big':
      return `pending in the lane of big files${since}${by}`;
    case 'in flight':
      return `in flight: seen ${at}${by}`;
    case 'held':
      return `its delete is held${since}${by}: see \`imgsync-fast deletes\``;
    case 'kept':
      return `kept there${by}: an operator rejected its delete`;
    case 'comparison':
      return 'the target is to be compared with the source, or is being compared';
    case 'unknown':
      return 'unknown: it was not compared, and nothing was told of it since the start';
    case 'never seen':
      return 'never seen';
  }
};

const notes = ({ state, reason }: PathAtTarget): string =>
  state === 'idle' || state === 'transferring' || state === 'reconciling'
    ? ''
    : `${state}${reason === undefined ? '' : `: ${reason}`}`;
