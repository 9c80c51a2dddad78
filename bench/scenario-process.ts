import { ProgramScope } from '../test/support/scope.js';
import type { Bench, Loss, PeerName, Sample, ScenarioResult, Size, Spread } from './scenario.js';
import { scenarios } from './scenarios.js';

/** What the process of a scenario is told. */
export interface Order {
  readonly scenario: string;
  readonly size: Size;
  readonly runs: number;
  readonly peers: readonly PeerName[];
}

const run = async ({ scenario: name, size, runs, peers }: Order): Promise<ScenarioResult> => {
  const scenario = scenarios.find((candidate) => candidate.name === name);
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
  const samples: Sample[] = [];
  const spreads: Spread[] = [];
  const losses: Loss[] = [];
  const notes = new Set<string>();
  const bench = (scope: ProgramScope): Bench => ({
    size,
    scope,
    record: (subject, metric, unit, value) => collect(samples, { subject, metric, unit }, [value]),
    spread: (subject, metric, unit, values) => collect(spreads, { subject, metric, unit }, values),
    lost: (subject, count, detail) => {
      if (count > 0) losses.push({ subject, count, detail });
    },
    note: (text) => notes.add(text),
    has: (peer) => peers.includes(peer),
    alternate: async (subjects) => {
      const all = Object.entries(subjects);
      for (let turn = 0; turn < runs; turn++) {
        // Another one is first each time: the first may find colder caches.
        for (let i = 0; i < all.length; i++) {
          const [subject, measure] = all[(i + turn) % all.length] as (typeof all)[number];
          process.stdout.write(`  ${subject}, run ${turn + 1} of ${runs} …\n`);
          await withScope((scope) => measure(scope, subject));
        }
      }
    },
  });
  await withScope((scope) => scenario.run(bench(scope)));
  return { scenario: name, size, runs, samples, spreads, losses, notes: [...notes] };
};

const collect = (
  into: Sample[],
  { subject, metric, unit }: Omit<Sample, 'values'>,
  values: readonly number[],
): void => {
  const known = into.find((sample) => sample.subject === subject && sample.metric === metric);
  if (known === undefined) into.push({ subject, metric, unit, values: [...values] });
  else known.values.push(...values);
};

/** The innermost is the last. */
const open: ProgramScope[] = [];

const withScope = async (work: (scope: ProgramScope) => Promise<void>): Promise<void> => {
  const scope = new ProgramScope();
  open.push(scope);
  try {
    await work(scope);
  } finally {
    await scope.close();
    open.pop();
  }
};

const closeAll = async (): Promise<void> => {
  for (const scope of [...open].reverse()) await scope.close();
};

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void closeAll().finally(() => process.exit(1)));

try {
  const result = await run(JSON.parse(process.argv[2] ?? '') as Order);
  process.send?.(result);
  process.disconnect?.();
} catch (error) {
  console.error(error);
  process.exit(1);
}
