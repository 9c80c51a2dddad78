import { displayPath } from '../core/path.js';
import { attemptOf, type ReplicaState } from '../replicate/machine.js';
import type { ReplicatorObserver } from '../replicate/replicator.js';
import type { Activity } from './activity.js';
import type { TargetCounters } from './target-counters.js';

/** Counts what happens to one target, and tells those who look on. */
export const targetWatch = (
  target: string,
  activity: Activity,
  counters: TargetCounters,
): ReplicatorObserver => ({
  stateChanged: (state, before) => {
    counters.stateChanged(state, before);
    // From idle to transferring and back it goes with each batch.
    if (isRoutine(state) && isRoutine(before)) return;
    activity.tell(() => ({
      type: 'state',
      target,
      state: state.name,
      attempt: attemptOf(state),
      ...failureOf(state),
    }));
  },
  delivered: (changes, { files, sentBytes: bytes, deleted }) =>
    activity.tell(() => ({ type: 'delivered', target, paths: changes.length, files, bytes, deleted })),
  stuck: ({ path, code, text, attempts }) => {
    counters.stuck(code);
    activity.tell(() => ({ type: 'stuck', target, path: displayPath(path), code, text, attempts }));
  },
  freed: (path) => activity.tell(() => ({ type: 'freed', target, path: displayPath(path) })),
  reconcileStarted: (reason, directories) =>
    activity.tell(() => ({ type: 'reconcile-started', target, reason, directories })),
  reconcileFinished: (directories) =>
    activity.tell(() => ({ type: 'reconcile-finished', target, directories })),
});

const isRoutine = (state: ReplicaState): boolean =>
  !('failure' in state) && attemptOf(state) === 0 && state.name !== 'stopped';

const failureOf = (state: ReplicaState): { code?: string; reason?: string; hint?: string } =>
  'failure' in state
    ? { code: state.failure.code, reason: state.failure.text, hint: state.failure.hint }
    : {};

/** Tells each of them, in this order. */
export const observers = (...all: readonly ReplicatorObserver[]): ReplicatorObserver => ({
  stateChanged: (state, before) => {
    for (const each of all) each.stateChanged(state, before);
  },
  delivered: (changes, stats) => {
    for (const each of all) each.delivered(changes, stats);
  },
  stuck: (entry) => {
    for (const each of all) each.stuck(entry);
  },
  freed: (path) => {
    for (const each of all) each.freed(path);
  },
  reconcileStarted: (reason, directories) => {
    for (const each of all) each.reconcileStarted(reason, directories);
  },
  reconcileFinished: (directories) => {
    for (const each of all) each.reconcileFinished(directories);
  },
});
