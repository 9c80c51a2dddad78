/** Why a target gets nothing at the moment; `code` is stable, `text` is what rsync said, `hint` what can be done. */
export interface ReplicaFailure {
  /** Stable name, such as `CONNECTION_REFUSED`. */
  readonly code: string;
  /** What rsync said, one line. */
  readonly text: string;
  /** What can be done about it, one sentence. */
  readonly hint: string;
}

/**
 * Where a target's replication stands.
 * - `idle`: it has everything that is known
 * - `transferring`: changes are on their way; `reconciling`: directories are being compared and sent as well.
 *   `attempt` counts failures in a row; above 0 a single batch is tried first
 * - `backing-off`: the last batch failed, the next is tried after a growing delay
 * - `halted`: a person has to look (wrong password, read-only module …); tried again slowly, so it heals by itself
 * - `suspended`: the source is not there; nothing is sent until it is back
 */
export type ReplicaState =
  | { readonly name: 'idle' }
  | { readonly name: 'transferring' | 'reconciling'; readonly attempt: number }
  | { readonly name: 'backing-off' | 'halted'; readonly attempt: number; readonly failure: ReplicaFailure }
  | { readonly name: 'suspended'; readonly failure: ReplicaFailure }
  | { readonly name: 'stopped' };

export type ReplicaEvent =
  /** There is something to send; `reconcile` when directories wait to be compared. */
  | { readonly type: 'work'; readonly reconcile: boolean }
  /** Nothing is in flight and nothing waits. */
  | { readonly type: 'settled' }
  /** The target took a batch. */
  | { readonly type: 'delivered' }
  | { readonly type: 'failed'; readonly verdict: 'retry' | 'halt'; readonly failure: ReplicaFailure }
  /** The delay is over, or an operator asks for a try at once. */
  | { readonly type: 'try-again' }
  | { readonly type: 'suspend'; readonly failure: ReplicaFailure }
  | { readonly type: 'resume' }
  | { readonly type: 'stop' };

/** What the replicator has to do after a step. */
export type ReplicaEffect =
  | { readonly type: 'none' }
  | { readonly type: 'send' }
  /** Send `try-again` after the delay that belongs to `attempt`: growing for `retry`, constant for `halt`. */
  | { readonly type: 'wait'; readonly verdict: 'retry' | 'halt'; readonly attempt: number };

export interface Step {
  readonly state: ReplicaState;
  readonly effect: ReplicaEffect;
}

const none: ReplicaEffect = { type: 'none' };
const send: ReplicaEffect = { type: 'send' };

/** Pure: no clock, no I/O. The replicator performs `effect` and feeds its result back as the next event. */
export const next = (state: ReplicaState, event: ReplicaEvent): Step => {
  if (state.name === 'stopped') return { state, effect: none };
  switch (event.type) {
    case 'stop':
      return { state: { name: 'stopped' }, effect: none };
    case 'suspend':
      return { state: { name: 'suspended', failure: event.failure }, effect: none };
    case 'resume':
      return state.name === 'suspended' ? { state: { name: 'idle' }, effect: send } : { state, effect: none };
    case 'work':
      return onWork(state, event.reconcile);
    case 'settled':
      return isSending(state) ? { state: { name: 'idle' }, effect: none } : { state, effect: none };
    case 'delivered':
      return isSending(state) ? { state: { ...state, attempt: 0 }, effect: send } : { state, effect: none };
    case 'failed':
      return onFailure(state, event.verdict, event.failure);
    case 'try-again':
      return state.name === 'backing-off' || state.name === 'halted'
        ? { state: { name: 'transferring', attempt: state.attempt }, effect: send }
        : { state, effect: none };
  }
};

const isSending = (
  state: ReplicaState,
): state is Extract<ReplicaState, { name: 'transferring' | 'reconciling' }> =>
  state.name === 'transferring' || state.name === 'reconciling';

const onWork = (state: ReplicaState, reconcile: boolean): Step => {
  const name = reconcile ? 'reconciling' : 'transferring';
  if (state.name === 'idle') return { state: { name, attempt: 0 }, effect: send };
  if (isSending(state)) return { state: { name, attempt: state.attempt }, effect: send };
  return { state, effect: none };
};

const onFailure = (state: ReplicaState, verdict: 'retry' | 'halt', failure: ReplicaFailure): Step => {
  if (state.name === 'suspended') return { state, effect: none };
  // A second batch of the same outage must not make the delay grow, nor start another timer.
  if (state.name === 'backing-off' || state.name === 'halted') return { state, effect: none };
  const attempt = (isSending(state) ? state.attempt : 0) + 1;
  const name = verdict === 'halt' ? 'halted' : 'backing-off';
  return { state: { name, attempt, failure }, effect: { type: 'wait', verdict, attempt } };
};

/** How many batches may be in flight in this state: after a failure one alone is tried first. */
export const allowedInFlight = (state: ReplicaState, parallel: number): number =>
  isSending(state) ? (state.attempt > 0 ? 1 : parallel) : 0;

/** Failures in a row; 0 in the states that count none. */
export const attemptOf = (state: ReplicaState): number => ('attempt' in state ? state.attempt : 0);
