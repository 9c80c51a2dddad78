import { ReplicationError } from '../core/errors.js';
import type { SettledReport } from '../daemon/settled.js';

/** The targets do not have what was waited for: the time is over, or an exclude keeps a path from them. */
export class NotSettledError extends ReplicationError {
  override readonly code = 'NOT_SETTLED';
  override readonly hint: string;

  constructor(
    /** What is missing, target by target. */
    readonly report: SettledReport,
  ) {
    super(messageOf(report));
    this.hint =
      report.excluded.length > 0
        ? 'wait for paths that are replicated, or change the exclude that the report names'
        : 'the report says what each target lacks, and why; nothing was given up, and waiting again is safe';
  }
}

const messageOf = ({ excluded, waitsFor, targets }: SettledReport): string => {
  const [first] = excluded;
  if (first !== undefined) return `${first.path} never gets to the targets: ${first.pointer} excludes it`;
  if (waitsFor !== 'targets') return `not settled in time: still waits for ${words[waitsFor]}`;
  const late = targets.filter(({ settled }) => !settled);
  return `not settled in time: ${late.map(({ name, state }) => `${name} (${state})`).join(', ')}`;
};

const words = {
  nothing: 'nothing',
  source: 'the source, which is not watched at the moment',
  events: 'events of the kernel',
  writers: 'files that are being written',
};
