import type { Change, ChangeKind } from '../core/change.js';
import type { FilterRule, Target } from '../core/target.js';
import type { Compare } from './rsync-args.js';

/**
 * How gone paths are deleted at a target, found by a probe:
 * - `missing-args`: they are listed, `--delete-missing-args --force`
 * - `parent-directory`: their nearest existing parent is synced as a directory with `--delete`
 * - `none`: deletes are switched off
 */
export type DeleteMethod = 'missing-args' | 'parent-directory' | 'none';

/** The source root as it was when watching began; a batch is never run over another one. */
export interface SourceIdentity {
  /** Device and inode as decimal strings (they exceed a double). */
  readonly device: string;
  readonly inode: string;
}

/** One batch for one target. Plain data: it crosses threads by structured clone, `changes` by transfer. */
export interface TransferRequest {
  readonly target: Target;
  /** Absolute path of the source root, latin1. */
  readonly source: string;
  readonly identity: SourceIdentity;
  readonly rules: readonly FilterRule[];
  /** In the form of `packChanges`. */
  readonly changes: Uint8Array;
  readonly deleteMethod: DeleteMethod;
  /** See `BuildListsOptions.checks`. */
  readonly checks: boolean;
  /** How subtrees are compared. */
  readonly treesBy: Compare;
  /** Nothing is deleted at the target; what would have been comes back in `held`. */
  readonly holdDeletes: boolean;
  /** What the target keeps although the source does not have it: the path, all in it (`directory`) or below it (`tree`). */
  readonly kept: readonly Change[];
  /** Regular files of this size and more come back in `big`; `Infinity` in the big lane. */
  readonly bigFileBytes: number;
  /** Bytes of regular files after which the rest comes back in `deferred`. */
  readonly batchBytes: number;
  /**
   * Directories, each followed by a NUL, that may be sent as a whole: no other batch in flight touches them, and no
   * directory in them is known at the target.
   */
  readonly crowded: Uint8Array;
}

/** What a batch moved; plain integers from rsync's `--stats` and its itemized lines. */
export interface TransferStats {
  /** Regular files whose content was sent. */
  readonly files: number;
  /** Bytes written to the wire. */
  readonly sentBytes: number;
  /** Literal file content in them. */
  readonly literalBytes: number;
  /** Entries that were deleted at the target. */
  readonly deleted: number;
  /** How long its rsyncs ran, together, ms. */
  readonly durationMs: number;
}

/** What a running batch has moved so far. */
export interface TransferProgress {
  /** Of a dry run that compares: entries that were compared. */
  readonly files: number;
  readonly sentBytes: number;
}

/** What a batch would like to delete; asked before it is sent. */
export interface DeleteQuestion {
  /** Packed entries: the paths that are gone at the source, each reduced to the topmost that is. */
  readonly gone: Uint8Array;
}

/**
 * `hold`: the batch is sent without its deletes; `later`: it can't be told now, so the batch is to be tried again; otherwise
 * the most entries that it may delete.
 */
export type DeleteAnswer = 'hold' | 'later' | { readonly mayDelete: number };

/** A path that this target could not take, with rsync's words for it. latin1 path. */
export interface StuckPath {
  readonly path: string;
  /** What is to be tried again: a directory whose deletes failed is a `directory`, a subtree a `tree`. */
  readonly kind: ChangeKind;
  readonly code: StuckCode;
  readonly text: string;
}
export type StuckCode =
  | 'PATH_TOO_LONG'
  | 'PERMISSION_DENIED'
  | 'SOURCE_UNREADABLE'
  | 'NOT_A_DIRECTORY'
  | 'REFUSED'
  | 'OTHER';

/** Why a batch as a whole failed. */
export interface TransferFailure {
  /** Stable name, such as `CONNECTION_REFUSED`, `AUTH_FAILED`, `DISK_FULL`, `STALLED`. */
  readonly code: string;
  /** rsync's exit status; `undefined` when a signal ended it or it was never started. */
  readonly exitCode: number | undefined;
  /** The line of rsync's stderr that says most, trimmed. */
  readonly text: string;
  /** What an operator can do. */
  readonly hint: string;
}

/** `changes` of the outcome's packed fields refer to the request's; what is in none of them is delivered. */
export type TransferOutcome =
  | {
      readonly result: 'acknowledge';
      readonly stats: TransferStats;
      /** Packed entries for the big lane. */
      readonly big: Uint8Array;
      /** Packed changes to be sent with a later batch at once: they did not fit, or moved while they were sent. */
      readonly deferred: Uint8Array;
      /**
       * Packed changes whose deletes were held: the topmost paths that would go, or, where the target did not tell, gone
       * paths and directories that may have something beside the source.
       */
      readonly held: Uint8Array;
      /** Entries of the target that each of them stands for, same order. */
      readonly heldEntries: readonly number[];
      /** Whether there was more to delete than it may; the rest is in `deferred`. */
      readonly wasLimited: boolean;
      /** Packed entries: directories of which only an `entry` was sent, not what they hold. */
      readonly directories: Uint8Array;
      /** Paths that failed alone; the rest is delivered (outcome `isolate` of the table). */
      readonly stuck: readonly StuckPath[];
    }
  | {
      readonly result: 'retry' | 'halt';
      readonly failure: TransferFailure;
      /** Entries that were deleted before it failed. */
      readonly deleted?: number;
    }
  /** The way of deleting does not work with this target: use the next one, at once. */
  | { readonly result: 'delete-method'; readonly failure: TransferFailure; readonly deleted?: number }
  /** The source root is not the one that is watched. Nothing was sent. */
  | { readonly result: 'source-changed'; readonly failure: TransferFailure }
  | { readonly result: 'cancelled' /** Entries that were deleted before. */; readonly deleted?: number };

/** Asks a target, changing nothing there, whether it can be written to and how it deletes. */
export interface ProbeRequest {
  readonly target: Target;
  /** Absolute path of the source root, latin1. */
  readonly source: string;
  /** Whether deletes are wanted; without them the method is `none` and only the connection is tried. */
  readonly deletes: boolean;
  /** Whether it is to be told if the target holds anything that these rules let be deleted. */
  readonly looksForEntries?: readonly FilterRule[] | undefined;
}

/** Asks what differs at a target, changing nothing there. */
export interface VerifyRequest
  extends Pick<
    TransferRequest,
    'target' | 'source' | 'identity' | 'rules' | 'changes' | 'kept' | 'deleteMethod'
  > {
  readonly compare: 'quick' | 'checksum' | 'never';
}

/** One path that differs; `what` in the words of rsync's `--itemize-changes`. */
export interface Difference {
  readonly path: string;
  readonly what: string;
}

export type VerifyOutcome =
  | { readonly result: 'compared'; readonly differences: readonly Difference[]; readonly isCut: boolean }
  | { readonly result: 'failed'; readonly failure: TransferFailure };

export type ProbeOutcome =
  | {
      readonly result: 'ready';
      readonly deleteMethod: DeleteMethod;
      /** The target holds nothing that could be deleted; only told when it was asked for. */
      readonly isEmpty: boolean;
    }
  | { readonly result: 'retry' | 'halt'; readonly failure: TransferFailure }
  | { readonly result: 'cancelled' };
