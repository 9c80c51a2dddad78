import type { Logger } from 'pino';
import type { Daemon, DaemonStatus } from '../daemon/status.js';
import { RateMeter } from './rate.js';
import { progressOf, type Report, tableOf } from './report.js';
import { hasColors, type Terminal } from './terminal.js';

/** Where a run is seen. */
export interface View {
  readonly logger: Logger;
  /** Only when standard output is one. */
  readonly terminal: Terminal | undefined;
}

export interface Progress {
  /** Shows the last state and ends. */
  close(): void;
}

const tableMs = 250;
const linesMs = 10_000;
const statusMs = 1_000;
/** Whether the whole status is wanted is looked at this often while it is not: an idle daemon is to cost nothing. */
const levelMs = 10_000;

/**
 * Shows how far the targets are. On a terminal: a table that is redrawn. Elsewhere: a log line for each target now and
 * then while it is being compared with the source. At level debug: the whole status each second while something waits
 * or a target is not idle, and once more after that.
 */
export const showProgress = (daemon: Pick<Daemon, 'status'>, { logger, terminal }: View): Progress => {
  const closers = [
    terminal === undefined ? logLines(daemon, logger) : drawTable(daemon, terminal),
    logStatus(daemon, logger),
  ];
  return {
    close: () => {
      for (const close of closers) close();
    },
  };
};

type Source = Pick<Daemon, 'status'>;

const drawTable = (daemon: Source, terminal: Terminal): (() => void) => {
  const report = reporter(3_000);
  const colors = hasColors(process.stdout);
  const draw = (): void => terminal.show(tableOf(report(daemon.status()), colors));
  const timer = setInterval(draw, tableMs).unref();
  return () => {
    clearInterval(timer);
    draw();
    terminal.release();
  };
};

const logLines = (daemon: Source, logger: Logger): (() => void) => {
  const report = reporter(linesMs);
  const timer = setInterval(() => {
    const { live, directories, targets } = report(daemon.status());
    if (!live) logger.info({ directories }, 'setting up the watches');
    for (const target of targets)
      if (target.reconcile !== undefined) logger.info(progressOf(target), 'progress');
  }, linesMs).unref();
  return () => clearInterval(timer);
};

const logStatus = (daemon: Source, logger: Logger): (() => void) => {
  let wasBusy = true;
  let timer: NodeJS.Timeout;
  // The level may be switched at any time.
  const isWanted = (): boolean => logger.isLevelEnabled('debug');
  const plan = (): void => {
    timer = setTimeout(look, isWanted() ? statusMs : levelMs).unref();
  };
  const look = (): void => {
    plan();
    if (!isWanted()) return;
    const status = daemon.status();
    const busy = isBusy(status);
    if (busy || wasBusy) logger.debug({ status }, 'status');
    wasBusy = busy;
  };
  plan();
  return () => clearTimeout(timer);
};

const isBusy = ({ live, targets }: DaemonStatus): boolean =>
  !live || targets.some(({ state, pending }) => pending > 0 || state !== 'idle');

/** Adds the rates to each status that it is given. */
export const reporter = (windowMs: number): ((status: DaemonStatus) => Report) => {
  const meters = new Map<string, { readonly files: RateMeter; readonly bytes: RateMeter }>();
  return (status) => {
    const now = performance.now();
    return {
      ...status,
      targets: status.targets.map((target) => {
        const meter = meters.get(target.name) ?? {
          files: new RateMeter(windowMs),
          bytes: new RateMeter(windowMs),
        };
        meters.set(target.name, meter);
        return {
          ...target,
          filesPerSecond: meter.files.update(target.filesSent, now),
          bytesPerSecond: meter.bytes.update(target.bytesSent, now),
        };
      }),
    };
  };
};
