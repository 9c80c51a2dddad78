import type { Config } from '../config/config.js';
import type { Target } from '../core/target.js';

/** What another configuration changes in a running replication. */
export interface ReloadPlan {
  /** What holds from now on: the new configuration, but for what needs a restart. */
  readonly config: Config;
  /** Names of the keys of sync.json whose change needs a restart. */
  readonly needsRestart: readonly string[];
  /** Names of the targets that end; those that change are among them. */
  readonly removed: readonly string[];
  /** Targets that begin, those that changed included. */
  readonly added: readonly Target[];
}

/** What is set up once: the watches, the rules in the stored digests, the log. */
const fixed: readonly (readonly [key: string, (config: Config) => unknown])[] = [
  ['source', ({ source }) => source],
  ['stateDir', ({ stateDir }) => stateDir],
  ['include and exclude', ({ rules }) => rules],
  ['crossMounts', ({ crossMounts }) => crossMounts],
  ['events', ({ events }) => events],
  ['settleMs', ({ settleMs }) => settleMs],
  ['batch.lingerMs', ({ batch }) => batch.lingerMs],
  ['delete (on or off)', ({ delete: { enabled } }) => enabled],
  ['http', ({ http }) => http],
  ['log', ({ log }) => log],
  ['changeLogLimit', ({ changeLogLimitBytes }) => changeLogLimitBytes],
  ['failLog', ({ failLog }) => failLog],
];

/** Compares two configurations. Pure. */
export const planReload = (current: Config, next: Config): ReloadPlan => {
  const before = new Map(current.targets.map((target) => [target.name, target]));
  const after = new Map(next.targets.map((target) => [target.name, target]));
  return {
    config: {
      ...next,
      source: current.source,
      stateDir: current.stateDir,
      rules: current.rules,
      crossMounts: current.crossMounts,
      events: current.events,
      settleMs: current.settleMs,
      batch: { ...next.batch, lingerMs: current.batch.lingerMs },
      delete: { ...next.delete, enabled: current.delete.enabled },
      http: current.http,
      log: current.log,
      changeLogLimitBytes: current.changeLogLimitBytes,
      failLog: current.failLog,
    },
    needsRestart: fixed.flatMap(([key, of]) => (isSame(of(current), of(next)) ? [] : key)),
    removed: current.targets.flatMap((target) => (isSame(target, after.get(target.name)) ? [] : target.name)),
    added: next.targets.filter((target) => !isSame(target, before.get(target.name))),
  };
};

/** Plain data from one schema: its keys always come in the same order. */
const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
