/** Something that happened, for those who look on. Plain data; names are as they are shown to people. */
export type DaemonEvent =
  | {
      readonly type: 'state';
      readonly target: string;
      readonly state: string;
      /** Failures in a row. */
      readonly attempt: number;
      readonly code?: string;
      readonly reason?: string;
      readonly hint?: string;
    }
  | {
      readonly type: 'delivered';
      readonly target: string;
      readonly paths: number;
      readonly files: number;
      readonly bytes: number;
      readonly deleted: number;
    }
  | {
      readonly type: 'stuck';
      readonly target: string;
      readonly path: string;
      readonly code: string;
      readonly text: string;
      readonly attempts: number;
    }
  | { readonly type: 'freed'; readonly target: string; readonly path: string }
  | {
      readonly type: 'reconcile-started';
      readonly target: string;
      readonly reason: string;
      readonly directories: number;
    }
  | { readonly type: 'reconcile-finished'; readonly target: string; readonly directories: number }
  | { readonly type: 'watching'; readonly directories: number }
  | { readonly type: 'source-lost'; readonly code: string; readonly reason: string; readonly hint: string }
  | { readonly type: 'events-lost' }
  | { readonly type: 'reloaded' };

export type DaemonListener = (event: DaemonEvent) => void;

/** Passes on what happens, while anybody listens. */
export class Activity {
  readonly #listeners = new Set<DaemonListener>();

  /** @returns what ends it */
  subscribe(listener: DaemonListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @param event is made only when somebody listens */
  tell(event: () => DaemonEvent): void {
    if (this.#listeners.size === 0) return;
    const told = event();
    for (const listener of this.#listeners) listener(told);
  }
}
