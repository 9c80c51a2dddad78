import type { ReplicatorObserver } from '../replicate/replicator.js';

/** What happens to one target, for whoever embeds a daemon. */
export type TargetObserver = Pick<ReplicatorObserver, 'stateChanged' | 'delivered' | 'stuck'>;

/** Is told what happens to a daemon, in the middle of its work: it must neither throw nor call the daemon. */
export interface DaemonObserver {
  /** Every directory is watched: for the first time, or again after the source was lost. */
  live(directories: number, entries: number): void;
  /** The kernel dropped events; a comparison makes up for them. */
  overflow(): void;
  target(name: string): TargetObserver;
}

/** Tells `log` first, then whoever else wants to know. */
export const told = (log: ReplicatorObserver, also: TargetObserver | undefined): ReplicatorObserver =>
  also === undefined
    ? log
    : {
        ...log,
        stateChanged: (state, before) => {
          log.stateChanged(state, before);
          also.stateChanged(state, before);
        },
        delivered: (changes, stats) => {
          log.delivered(changes, stats);
          also.delivered(changes, stats);
        },
        stuck: (entry) => {
          log.stuck(entry);
          also.stuck(entry);
        },
      };
