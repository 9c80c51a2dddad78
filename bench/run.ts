import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { peersAtHand } from './peers/at-hand.js';
import { describeMachine } from './report/machine.js';
import { tableOf } from './report/markdown.js';
import { writeReport } from './report/report.js';
import { type PeerName, peerNames, type Scenario, type ScenarioResult, type Size, us } from './scenario.js';
import type { Order } from './scenario-process.js';
import { scenarios } from './scenarios.js';
import { buildTools } from './tools.js';

const usage = `npm run bench -- [SCENARIO …] [OPTION …]

  --files N        files of the tree (default: what suits the scenario)
  --sizes N,N,…    the same several times, to see how it grows
  --targets N      rsync daemons
  --saves N        single saves that are measured
  --seconds N      how long something is watched or goes on
  --runs N         runs of each subject, in turns (default 3)
  --peers A,B      of ${peerNames.join(', ')} (default: all), or none
  --results DIR    where the results go (default bench/results)
  --smoke          everything in a tiny form, once

Scenarios: ${scenarios.map(({ name }) => name).join(', ')} (default: all).
Trees are made in TMPDIR.`;

const main = async (): Promise<boolean> => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      files: { type: 'string' },
      sizes: { type: 'string' },
      targets: { type: 'string' },
      saves: { type: 'string' },
      seconds: { type: 'string' },
      runs: { type: 'string' },
      peers: { type: 'string' },
      results: { type: 'string', default: join('bench', 'results') },
      smoke: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return true;
  }
  const chosen = positionals.length === 0 ? scenarios : positionals.map(scenarioOf);
  const { peers, notes } = peersAtHand(values.peers === undefined ? peerNames : peersOf(values.peers));
  for (const note of notes) console.log(note);
  buildTools();
  mkdirSync(values.results, { recursive: true });
  const machine = describeMachine();
  let isGood = true;
  for (const scenario of chosen) {
    const base = values.smoke ? scenario.smokeSize : scenario.size;
    const files = (values.sizes ?? values.files ?? String(base.files)).split(',').map(numberOf);
    const results: ScenarioResult[] = [];
    for (const count of files) {
      const size: Size = {
        files: count,
        targets: numberOf(values.targets ?? base.targets),
        saves: numberOf(values.saves ?? base.saves),
        seconds: numberOf(values.seconds ?? base.seconds),
      };
      const runs = numberOf(values.runs ?? (values.smoke ? 1 : 3));
      console.log(`\n## ${scenario.name}: ${scenario.question}`);
      const result = await runScenario({ scenario: scenario.name, size, runs, peers });
      if (result === undefined) {
        isGood = false;
        continue;
      }
      results.push(result);
      console.log(tableOf(result));
      if (result.losses.some(({ subject }) => subject.startsWith(us))) isGood = false;
    }
    const file = join(values.results, `${scenario.name}.json`);
    if (results.length > 0) writeFileSync(file, `${JSON.stringify({ machine, results }, undefined, 1)}\n`);
  }
  writeReport(values.results);
  console.log(
    `\n${isGood ? 'equal: nothing was lost' : 'NOT EQUAL, or a scenario failed'}; see ${values.results}`,
  );
  return isGood;
};

/** Each in a process of its own: none inherits the memory or the open files of another. */
const runScenario = async (order: Order): Promise<ScenarioResult | undefined> => {
  const program = fileURLToPath(new URL('./scenario-process.js', import.meta.url));
  const child = fork(program, [JSON.stringify(order)], { execArgv: ['--enable-source-maps'] });
  let result: ScenarioResult | undefined;
  child.on('message', (message) => {
    result = message as ScenarioResult;
  });
  const stopForwarding = forwardSignals(child);
  const [code] = await once(child, 'exit');
  stopForwarding();
  return code === 0 ? result : undefined;
};

const forwardSignals = (child: ChildProcess): (() => void) => {
  const forward = (signal: NodeJS.Signals) => {
    child.kill(signal);
    process.exitCode = 1;
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, forward);
  return () => {
    for (const signal of signals) process.off(signal, forward);
    if (process.exitCode === 1) process.exit(1);
  };
};

const scenarioOf = (name: string): Scenario => {
  const found = scenarios.find((scenario) => scenario.name === name);
  if (found === undefined) throw new Error(`there is no scenario ${name}\n\n${usage}`);
  return found;
};

const peersOf = (list: string): PeerName[] =>
  list === 'none'
    ? []
    : list.split(',').map((name) => {
        const found = peerNames.find((peer) => peer === name);
        if (found === undefined) throw new Error(`there is no peer ${name}\n\n${usage}`);
        return found;
      });

const numberOf = (text: string | number): number => {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`${text} is no number\n\n${usage}`);
  return number;
};

try {
  if (!(await main())) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
