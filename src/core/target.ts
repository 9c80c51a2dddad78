/** Where a target is: an rsync daemon's module, a directory behind ssh, or a local directory. */
export type TargetLocation =
  | {
      readonly type: 'daemon';
      readonly host: string;
      /** TCP port, 873 unless the URL names one. */
      readonly port: number;
      readonly user: string | undefined;
      readonly module: string;
      /** Below the module, without leading slash; empty for the module's root. */
      readonly path: string;
    }
  | {
      readonly type: 'ssh';
      readonly host: string;
      /** `undefined`: what ssh's own configuration says, 22 at last. */
      readonly port: number | undefined;
      readonly user: string | undefined;
      /** Absolute path on the remote host. */
      readonly path: string;
    }
  | { readonly type: 'local' /** Absolute. */; readonly path: string };

/** How rsync is run for one target. Units and defaults: docs/configuration.md. */
export interface RsyncOptions {
  /** Program, looked up in PATH when it holds no slash. */
  readonly path: string;
  readonly timeoutSeconds: number;
  readonly compress: boolean;
  /** `auto`: rsync's own choice (whole files for local targets, deltas else). */
  readonly wholeFile: boolean | 'auto';
  /** Compare by content. */
  readonly checksum?: true;
  /** What is newer at the target stays. */
  readonly update?: true;
  /** Files are on disk before they count as there. */
  readonly fsync?: true;
  /** No path is an argument of rsync; absent: long batches go so. */
  readonly listsOnly?: true;
  /** Changes of modes, `D755,F644`. */
  readonly chmod?: string;
  /** `user:group` of all. */
  readonly chown?: string;
  /** `from:to,…` */
  readonly usermap?: string;
  readonly groupmap?: string;
  /** Below the target: what is replaced or deleted goes there. */
  readonly backupDir?: string;
  /** Absolute, or below the target: files that are being received. */
  readonly tempDir?: string;
  /** Further rsync options, checked against those that would break the protocol with it. */
  readonly args: readonly string[];
}

export interface SshOptions {
  readonly identityFile: string | undefined;
  readonly knownHostsFile: string | undefined;
  /** Further `-o` options, `Key=Value`. */
  readonly options: readonly string[];
  /** All rsyncs of the target go through one connection. */
  readonly shareConnection?: true;
  /** Socket of the connection that is shared, where there is one. */
  readonly socket?: string;
}

export interface Target {
  /** Unique among the targets; for people, logs and metrics. */
  readonly name: string;
  readonly location: TargetLocation;
  /** The URL as shown: never holds a password. */
  readonly url: string;
  readonly passwordFile: string | undefined;
  readonly ssh: SshOptions;
  /**
   * Whether a started rsync waits for the next changes: `auto` while there are some, `on` always, `off` never. It takes
   * one more connection to the target.
   */
  readonly standby: 'auto' | 'on' | 'off';
  /** rsync's `--bwlimit` notation (`20m`), `undefined`: no limit. */
  readonly bandwidthLimit: string | undefined;
  readonly rsync: RsyncOptions;
}

/**
 * One rule of the filter in rsync's own short form, one latin1 character per byte: `+ pattern` includes,
 * `- pattern` excludes; the first rule that matches wins, no match includes.
 */
export type FilterRule = `+ ${string}` | `- ${string}`;
