import type { FilterRule } from './target.js';

/** What all hooks have. Units, ranges and defaults: docs/configuration.md. */
interface AnyHook {
  /** Unique among the hooks; for people, logs and status. */
  readonly name: string;
  /** `each`: whenever a target has a change; `all` or a number: once so many targets have it. */
  readonly when: 'each' | 'all' | number;
  /** What it is told of, as excludes: a path that one of them hides is passed on. Empty: every path. */
  readonly only: readonly FilterRule[];
  /** What it is not told of, as excludes. */
  readonly exclude: readonly FilterRule[];
  /** A call that takes longer is ended and counts as failed. */
  readonly timeoutSeconds: number;
  /** Tries after the first one; then its paths are given up. */
  readonly retries: number;
  /** Calls at the same time, over all targets; those of one target come one after the other. */
  readonly concurrency: number;
  /** Paths in one call. */
  readonly maxPaths: number;
  /** Paths that wait at most; more push out the oldest. */
  readonly queuePaths: number;
}

export interface CommandHook extends AnyHook {
  readonly type: 'command';
  /** Program and arguments; an argument `{paths}` stands for the paths. Never read by a shell. */
  readonly argv: readonly string[];
  /** `arguments`: absolute paths, in argv; `stdin`: the same, each followed by a NUL; `json`: the document of a webhook. */
  readonly pass: 'arguments' | 'stdin' | 'json';
}

export interface WebhookHook extends AnyHook {
  readonly type: 'webhook';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Its first line is the key of the signature; `undefined`: no signature. */
  readonly secretFile: string | undefined;
}

export interface SocketHook extends AnyHook {
  readonly type: 'socket';
  readonly address: SocketAddress;
}

/** Where a stream socket listens; an IPv6 host has no brackets. */
export type SocketAddress = { readonly host: string; readonly port: number } | { readonly path: string };

export interface CdnPurgeHook extends AnyHook {
  readonly type: 'cdn-purge';
  /** URL under which a path is published: `{path}` stands for it. */
  readonly publicUrl: string;
  /** What is requested; `{url}`, `{urls}` and `{secret}` are filled in. */
  readonly request: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Key of the list in the JSON that is sent when `request` holds neither `{url}` nor `{urls}`. */
  readonly bodyKey: string;
  readonly secretFile: string | undefined;
}

export type Hook = CommandHook | WebhookHook | SocketHook | CdnPurgeHook;
