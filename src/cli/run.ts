import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config, LogLevel } from '../config/config.js';
import { loadConfig } from '../config/load.js';
import { ReplicationError } from '../core/errors.js';
import { startDaemon } from '../daemon/daemon.js';
import { createLog } from '../daemon/logger.js';
import type { Daemon } from '../daemon/status.js';
import { exitCodeOf, exitCodeOfSignal, exitCodes } from './exit-codes.js';
import { type Progress, showProgress, type View } from './progress.js';
import { type EndingSignals, listenToSignals } from './signals.js';
import { hasColors, Terminal } from './terminal.js';

/** What the command line says beside the file. */
export interface Overrides {
  readonly logLevel: LogLevel | undefined;
  /** False: not even when the file asks for it. */
  readonly initialSync: boolean;
}

/** How long cut transfers may take until the process ends without them, ms. */
const cutMs = 2_000;
/** An hour: a timer that does nothing, ms. */
const aliveMs = 3_600_000;

/**
 * Replicates until a signal or a failure.
 * @returns The exit code. Rejects with a `ConfigError`.
 */
export const run = async (file: string, overrides: Overrides): Promise<number> => {
  const signals = listenToSignals();
  const crashed = untilCrash();
  const config = overridden(await loadConfig(file), overrides);
  const terminal =
    process.stdout.isTTY && process.env.TERM !== 'dumb' ? new Terminal(process.stdout) : undefined;
  // A terminal that is closed sends SIGHUP, which says what to do.
  process.stdout.on('error', () => {});
  const { logger, flush } = await createLog({
    level: config.log.level,
    pretty: config.log.pretty === 'auto' ? terminal !== undefined : config.log.pretty,
    colors: hasColors(process.stdout),
    ...(terminal === undefined ? {} : { write: (line: string) => terminal.write(line) }),
  });
  const exitCode = await replicate(config, { logger, terminal }, signals, crashed);
  await flush();
  return exitCode;
};

/** Rejects with what nobody caught: unhandled rejections are among it. */
const untilCrash = (): Promise<never> => {
  const crashed = new Promise<never>((_resolve, reject) => {
    process.on('uncaughtException', reject);
  });
  crashed.catch(() => {});
  return crashed;
};

const overridden = (config: Config, { logLevel, initialSync }: Overrides): Config => ({
  ...config,
  log: { ...config.log, level: logLevel ?? config.log.level },
  initialSync: config.initialSync && initialSync,
});

const replicate = async (
  config: Config,
  view: View,
  signals: EndingSignals,
  crashed: Promise<never>,
): Promise<number> => {
  let daemon: Daemon | undefined;
  let progress: Progress | undefined;
  // While the source is lost nothing else keeps the process from ending.
  const alive = setInterval(() => {}, aliveMs);
  try {
    daemon = await startDaemon(config, view);
    progress = showProgress(daemon, view);
    return await Promise.race([untilEnd(daemon, signals, view.logger), crashed]);
  } catch (error) {
    daemon?.cut();
    return report(error, view.logger);
  } finally {
    progress?.close();
    clearInterval(alive);
  }
};

const untilEnd = async (daemon: Daemon, signals: EndingSignals, logger: Logger): Promise<number> => {
  const end = await Promise.race([daemon.failed, signals.first]);
  const exitCode = typeof end === 'string' ? exitCodes.ok : report(end, logger);
  const stopped = daemon.stop();
  const second = await Promise.race([stopped, signals.second]);
  if (second === undefined) return exitCode;
  logger.warn({ signal: second }, 'cutting the running transfers');
  daemon.cut();
  await Promise.race([stopped, sleep(cutMs)]);
  return exitCodeOfSignal(second);
};

const report = (error: unknown, logger: Logger): number => {
  if (error instanceof ReplicationError) logger.error({ code: error.code, hint: error.hint }, error.message);
  else logger.fatal({ err: error }, 'a fault in imgsync-fast itself; please report it');
  return exitCodeOf(error);
};
