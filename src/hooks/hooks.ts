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
  readonly #wired: readonly Wired[];

  /** @param targets their names; none: the hooks are told of every change as it comes */
  constructor(
    hooks: readonly Hook[],
    private targets: readonly string[],
    options: HookQueueOptions,
  ) {
    this.#wired = hooks.map((hook) => ({
      hook,
      queue: new HookQueue(hook, actionOf(hook), options),
      gate: hook.when === 'each' ? undefined : new DeliveryGate(hook.when, targets, hook.queuePaths),
    }));
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

  setTargets(targets: readonly string[]): void {
    this.targets = targets;
    for (const { queue, gate } of this.#wired)
      if (gate !== undefined) queue.add(undefined, gate.setTargets(targets));
  }

  /** Calls what waits once more. @returns when nothing is left */
  async end(): Promise<void> {
    await Promise.all(this.#wired.map(({ queue }) => queue.end()));
  }

  cut(): void {
    for (const { queue } of this.#wired) queue.cut();
  }
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
