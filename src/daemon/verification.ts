import type { Change } from '../core/change.js';
import { asRelPath, displayPath, type RelPath, ROOT } from '../core/path.js';
import type { Difference } from '../transfer/messages.js';
import type { Replica } from './replica.js';
import type { SettledOptions, SettledReport } from './settled.js';

export interface VerifyOptions {
  /** Compare by content: every file is read at both ends. Default: by size and time. */
  readonly checksum?: boolean | undefined;
  /** So many directories chosen at random, without what is beneath them. Default: everything. */
  readonly sample?: number | undefined;
  /** Send what differs again. */
  readonly heal?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Plain data; paths are for people. */
export interface VerifyReport {
  readonly checksum: boolean;
  /** Directories that were looked at; absent: all. */
  readonly sampled?: number;
  readonly targets: readonly VerifiedTarget[];
}

export interface VerifiedTarget {
  readonly name: string;
  /** Paths that differ although the target had acknowledged them; absent when it could not be compared. */
  readonly drift?: number;
  /** The first of them. */
  readonly paths?: readonly DriftedPath[];
  /** Whether there were too many to gather or to look at a second time. */
  readonly isCut?: boolean;
  /** Whether they are sent again. */
  readonly healing?: boolean;
  /** Why it could not be compared. */
  readonly failure?: { readonly code: string; readonly text: string; readonly hint: string };
}

export interface DriftedPath {
  readonly path: string;
  /** `missing` at the target, `extra` there, other `content`, or other `attributes`. */
  readonly drift: 'missing' | 'extra' | 'content' | 'attributes';
  /** In the words of rsync's `--itemize-changes`. */
  readonly what: string;
}

export interface VerificationPorts {
  /** Every directory of the source that no rule hides, with the number of its entries. */
  directories(): Promise<readonly SourceDirectory[]>;
  /** How many entries the source has. */
  countEntries(): Promise<number>;
  settled(options: SettledOptions): Promise<SettledReport>;
}

export interface SourceDirectory {
  readonly path: RelPath;
  readonly entries: number;
}

/** More differences than this are told as they were found, without a second look. */
const maxSuspects = 10_000;
const maxNamed = 1_000;
/** Longest time for what changes meanwhile to get to the target, ms. */
const settleMs = 60_000;
/** Looks at what differs, after the first. */
const looks = 2;

/**
 * Compares targets with the source, one after the other, by a dry run. What differs may be on its way, so it is looked at
 * again after the target has acknowledged it; only what differs then has drifted.
 */
export const verifyReplicas = async (
  replicas: readonly Replica[],
  ports: VerificationPorts,
  { checksum = false, sample, heal = false, signal }: VerifyOptions,
): Promise<VerifyReport> => {
  const scope = sample === undefined ? await everything(ports) : await sampled(ports, sample);
  const targets: VerifiedTarget[] = [];
  for (const replica of replicas) {
    signal?.throwIfAborted();
    targets.push(await verifyOne(replica, scope, ports, { checksum, heal, signal }));
  }
  return { checksum, ...(sample === undefined ? {} : { sampled: scope.changes.length }), targets };
};

/** What is compared. */
interface Scope {
  readonly changes: readonly Change[];
  /** How many that are at the source, directories included. */
  readonly entries: number;
}

const everything = async (ports: VerificationPorts): Promise<Scope> => ({
  changes: [{ kind: 'tree', path: ROOT }],
  // What can not be counted is compared all the same.
  entries: 1 + (await ports.countEntries().catch(() => 0)),
});

const sampled = async ({ directories }: VerificationPorts, count: number): Promise<Scope> => {
  const left = [...(await directories())];
  const chosen: Change[] = [];
  let sum = 0;
  while (chosen.length < count && left.length > 0) {
    const index = Math.floor(Math.random() * left.length);
    const [directory] = left.splice(index, 1, left[left.length - 1] as SourceDirectory);
    left.pop();
    if (directory === undefined) continue;
    chosen.push({ kind: 'directory', path: directory.path });
    sum += 1 + directory.entries;
  }
  return { changes: chosen, entries: sum };
};

const verifyOne = async (
  replica: Replica,
  { changes, entries }: Scope,
  ports: VerificationPorts,
  { checksum, heal, signal }: VerifyOptions,
): Promise<VerifiedTarget> => {
  const { name } = replica;
  const compare = checksum === true ? 'checksum' : 'quick';
  const first = await replica.difference(changes, compare, entries);
  if (first.result === 'failed') return { name, failure: first.failure };
  const isCut = first.isCut || first.differences.length > maxSuspects;
  let suspects = first.differences;
  for (let look = 0; look < looks && suspects.length > 0 && !isCut; look++) {
    await ports.settled({ targets: [name], timeoutMs: settleMs, signal });
    const again = await replica.difference(
      suspects.map(({ path }) => ({ kind: 'entry', path: asRelPath(path) })),
      compare,
    );
    if (again.result === 'failed') return { name, failure: again.failure };
    const known = new Set(suspects.map(({ path }) => path));
    suspects = again.differences.filter(({ path }) => known.has(path));
  }
  replica.noteDrift(suspects.length);
  if (heal === true && suspects.length > 0)
    // As subtrees: these are compared by content, or sent in any case.
    replica.replicator.markChanged(
      suspects.map(({ path, what }) => ({ kind: isFile(what) ? 'tree' : 'entry', path: asRelPath(path) })),
    );
  return {
    name,
    drift: suspects.length,
    paths: suspects.slice(0, maxNamed).map(driftOf),
    ...(isCut ? { isCut } : {}),
    ...(heal === true ? { healing: suspects.length > 0 } : {}),
  };
};

const isFile = (what: string): boolean => what[1] === 'f';

const driftOf = ({ path, what }: Difference): DriftedPath => ({
  path: displayPath(asRelPath(path)),
  drift: kindOf(what),
  what,
});

/** The letters: rsync(1), `--itemize-changes`. */
const kindOf = (what: string): DriftedPath['drift'] => {
  if (what.startsWith('*deleting')) return 'extra';
  if (what.endsWith('+++++++')) return 'missing';
  return what[0] === '<' || what[0] === 'c' || what[0] === '>' ? 'content' : 'attributes';
};
