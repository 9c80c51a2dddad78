import { type Change, isWide, type Sequence } from '../core/change.js';
import type { Hook } from '../core/hook.js';
import { loadAddon } from '../native/addon.js';
import { commandAction } from './command.js';
import { type Delivery, DeliveryGate, isLeft } from './delivery-gate.js';
import type { HookAction } from './hook-call.js';
import { HookQueue, type HookQueueOptions, type HookStatus } from './hook-queue.js';
import { cdnPurgeAction, webhookAction } from './http.js';
import { socketAction } from './socket.js';

/** A hook, and what it waits for. */
interface Wired {
  readonly hook: Hook;
  readonly queue: HookQueue;
  /** `undefined`: it is told of each target by itself. */
  readonly gate: DeliveryGate | undefined;
}

/**
 * Tells the hooks of what the targets have. Every method returns at once; nothing that a hook does comes back to the
 * replication.
 */
export class Hooks {
  #wired: readonly Wired[];
  /** Those that were taken out and have calls to make yet. */
  readonly #leaving = new Set<HookQueue>();
  #changes = 0;

  /** @param targets their names; none: the hooks are told of every change as it comes */
  constructor(
    hooks: readonly Hook[],
    private targets: readonly string[],
    private readonly options: HookQueueOptions,
  ) {
    this.#wired = hooks.map((hook) => this.#wire(hook, options));
  }

  get isEmpty(): boolean {
    return this.#wired.length === 0;
  }

  get status(): readonly HookStatus[] {
    return this.#wired.map(({ queue, gate }) => {
      const { waiting, ...status } = queue.status;
      return { ...status, waiting: waiting + (gate?.size ?? 0) };
    });
  }

  /** The source changed. @param sequence of the newest of the changes */
  changed(changes: readonly Change[], sequence: Sequence): void {
    for (const { hook, queue, gate } of this.#wired) {
      const wanted = this.targets.length === 0 || gate !== undefined ? changes.filter(isWanted(hook)) : [];
      if (this.targets.length === 0) queue.add(undefined, wanted);
      else if (gate !== undefined) {
        for (const change of wanted) gate.changed(change, sequence);
        queue.noteLost(gate.takeLost(), 'more paths than queuePaths waited for targets');
      }
    }
  }

  /** A target took a batch. */
  delivered(delivery: Delivery): void {
    const { target, changes, left, isQuiet } = delivery;
    for (const { hook, queue, gate } of this.#wired) {
      if (gate !== undefined) queue.add(undefined, gate.delivered(delivery));
      else
        queue.add(
          target,
          changes
            .filter(({ kind, path }) => (!isWide(kind) || !isQuiet) && !isLeft(path, left))
            .filter(isWanted(hook)),
        );
    }
  }

  /** A target was compared as a whole; see {@link DeliveryGate.compared}. */
  compared(target: string, sequence: Sequence, open: readonly Change[]): void {
    for (const { queue, gate } of this.#wired)
      if (gate !== undefined) queue.add(undefined, gate.compared(target, sequence, open));
  }

  /** Other hooks, told apart by their names. What waits for one that changes goes in the new way. */
  setHooks(hooks: readonly Hook[]): HookChanges {
    const before = new Map(this.#wired.map((wired) => [wired.hook.name, wired]));
    const changed: string[] = [];
    // Calls of a hook that comes back are others than those it had.
    const options = { ...this.options, runId: `${this.options.runId}.${++this.#changes}` };
    this.#wired = hooks.map((hook) => {
      const wired = before.get(hook.name);
      if (wired === undefined) return this.#wire(hook, options);
      if (JSON.stringify(wired.hook) === JSON.stringify(hook)) return wired;
      changed.push(hook.name);
      return this.#rewire(wired, hook);
    });
    const names = new Set(hooks.map(({ name }) => name));
    const removed = [...before.values()].filter(({ hook }) => !names.has(hook.name));
    for (const { queue } of removed) {
      this.#leaving.add(queue);
      void queue.end('the hook was taken out').then(() => this.#leaving.delete(queue));
    }
    return {
      added: [...names].filter((name) => !before.has(name)),
      changed,
      removed: removed.map(({ hook }) => hook.name),
    };
  }

  setTargets(targets: readonly string[]): void {
    this.targets = targets;
    for (const { queue, gate } of this.#wired)
      if (gate !== undefined) queue.add(undefined, gate.setTargets(targets));
  }

  /** Calls what waits once more. @returns when nothing is left */
  async end(): Promise<void> {
    await Promise.all(
      [...this.#wired.map(({ queue }) => queue), ...this.#leaving].map((queue) => queue.end()),
    );
  }

  cut(): void {
    for (const { queue } of this.#wired) queue.cut();
    for (const queue of this.#leaving) queue.cut();
  }

  #wire(hook: Hook, options: HookQueueOptions): Wired {
    return { hook, queue: new HookQueue(hook, actionOf(hook), options), gate: this.#gateOf(hook) };
  }

  #gateOf({ when, queuePaths }: Hook): DeliveryGate | undefined {
    return when === 'each' ? undefined : new DeliveryGate(when, this.targets, queuePaths);
  }

  #rewire({ queue, gate }: Wired, hook: Hook): Wired {
    queue.configure(hook, actionOf(hook));
    if (gate === undefined) return { hook, queue, gate: this.#gateOf(hook) };
    if (hook.when !== 'each') {
      queue.add(undefined, gate.configure(hook.when, hook.queuePaths));
      return { hook, queue, gate };
    }
    // Targets that do not have them yet are told when they do.
    for (const { target, change } of gate.having()) queue.add(target, [change]);
    return { hook, queue, gate: undefined };
  }
}

/** What another list of hooks changed: their names. */
export interface HookChanges {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

const actionOf = (hook: Hook): HookAction => {
  switch (hook.type) {
    case 'command':
      return commandAction(hook);
    case 'webhook':
      return webhookAction(hook);
    case 'socket':
      return socketAction(hook);
    case 'cdn-purge':
      return cdnPurgeAction(hook);
  }
};

const isWanted =
  ({ only, exclude }: Hook) =>
  ({ kind, path }: Change): boolean => {
    const matches = (rules: Hook['only']) => loadAddon().matchFilter(rules, path, isWide(kind)).excluded;
    return (only.length === 0 || matches(only)) && !(exclude.length > 0 && matches(exclude));
  };
