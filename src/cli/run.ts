import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config, LogLevel } from '../config/config.js';
import { loadConfig } from '../config/load.js';
import { ConfigError, ReplicationError } from '../core/errors.js';
import { startDaemon } from '../daemon/daemon.js';
import { createLog, type Log } from '../daemon/logger.js';
import { OperatorFile } from '../daemon/operator-file.js';
import type { Daemon } from '../daemon/status.js';
import { type Served, serve } from '../http/serve.js';
import { exitCodeOf, exitCodeOfSignal, exitCodes } from './exit-codes.js';
import { loadWithAdded } from './load-with-added.js';
import { obeyOperator } from './operator-signals.js';
import { type Progress, showProgress, type View } from './progress.js';
import { reload } from './reload.js';
import { isJournal } from './service/journal.js';
import { type ServiceManager, takeServiceManager } from './service/service-manager.js';
import { ServiceReport } from './service/service-report.js';
import { listenToSignals, type Signals } from './signals.js';
import { hasColors, Terminal } from './terminal.js';

/** What the command line says beside the file. */
export interface Overrides {
  readonly logLevel: LogLevel | undefined;
  /** False: not even when the file asks for it. */
  readonly initialSync: boolean;
  /** The targets are left alone. */
  readonly hooksOnly: boolean;
}

/** How long cut transfers may take until the process ends without them, ms. */
const cutMs = 2_000;
/** An hour: a timer that does nothing, ms. */
const aliveMs = 3_600_000;

/**
 * Replicates until a signal or a failure.
 * @returns The exit code. Rejects with what `loadConfig` does.
 */
export const run = async (file: string, overrides: Overrides): Promise<number> => {
  // A terminal that is closed sends SIGHUP, which ends the process there; elsewhere it reads the configuration again.
  const signals = listenToSignals(process.stdout.isTTY);
  const crashed = untilCrash();
  const manager = takeServiceManager(process.env);
  let latest: Config | undefined;
  const adapt = (loaded: Config): Config => {
    latest = overridden(loaded, overrides);
    return latest;
  };
  const { stateDir } = await configFor(file, manager);
  const leftOut: string[] = [];
  const config = adapt(await loadWithAdded(file, addedTargets(stateDir), (message) => leftOut.push(message)));
  const terminal =
    process.stdout.isTTY && process.env.TERM !== 'dumb' ? new Terminal(process.stdout) : undefined;
  process.stdout.on('error', () => {});
  const log = await logFor(config, terminal);
  const { logger, flush, reopen } = log;
  const service = new ServiceReport(manager);
  let isConfigCurrent = true;
  const exitCode = await replicate(config, { logger, terminal }, signals, {
    crashed,
    load: async (added) => adapt(await loadConfig(file, added)),
    isConfigCurrent: () => isConfigCurrent,
    stopping: (reason) => service.stopping((latest ?? config).stopTimeoutSeconds, reason),
    failed: (reason) => service.failed(reason),
    started: (daemon) => {
      for (const message of leftOut) notUsable(logger, message);
      service.follow(daemon);
      obeyOperator(signals, daemon, log, config.log.level);
      const load = () => loadWithAdded(file, addedTargets(stateDir), (message) => notUsable(logger, message));
      signals.onHangup(() => {
        reopen();
        void service.reloading(async () => {
          isConfigCurrent = await reload(file, adapt, daemon, logger, load);
        });
      });
    },
  });
  await flush();
  return exitCode;
};

/** A fault of it is seen in `systemctl status`, too. */
const configFor = async (file: string, manager: ServiceManager): Promise<Config> => {
  try {
    return await loadConfig(file);
  } catch (error) {
    if (error instanceof ReplicationError) manager.send({ STATUS: error.message });
    throw error;
  }
};

const logFor = async ({ log, file }: Config, terminal: Terminal | undefined): Promise<Log> => {
  const isShown = log.file === undefined && terminal !== undefined;
  try {
    return await createLog({
      level: log.level,
      pretty: log.pretty === 'auto' ? isShown : log.pretty,
      colors: log.file === undefined && hasColors(process.stdout),
      priorities: log.file === undefined && isJournal(1),
      file: log.file,
      ...(terminal === undefined ? {} : { write: (line: string) => terminal.write(line) }),
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(file, [{ pointer: '/log/file', message: `can't be written: ${reason}` }], {
      cause,
    });
  }
};
/** Targets that operators added while it ran; the daemon says when they can't be read. */
const addedTargets = (stateDir: string): readonly unknown[] => {
  try {
    return new OperatorFile(stateDir).read().added;
  } catch {
    return [];
  }
};

const notUsable = (logger: Logger, message: string): void =>
  logger.warn({ message }, 'a target that was added while it ran can not be used any more');

/** Rejects with what nobody caught: unhandled rejections are among it. */
const untilCrash = (): Promise<never> => {
  const crashed = new Promise<never>((_resolve, reject) => {
    process.on('uncaughtException', reject);
  });
  crashed.catch(() => {});
  return crashed;
};

const overridden = (config: Config, { logLevel, initialSync, hooksOnly }: Overrides): Config => {
  if (hooksOnly && config.hooks.length === 0)
    throw new ConfigError(config.file, [
      { pointer: '/hooks', message: 'is missing: --hooks-only needs hooks' },
    ]);
  return {
    ...config,
    ...(hooksOnly ? { targets: [] } : {}),
    log: { ...config.log, level: logLevel ?? config.log.level },
    initialSync: config.initialSync && initialSync,
  };
};

/** What a run meets on its way. */
interface Course {
  readonly crashed: Promise<never>;
  /** The configuration anew, with these targets beside its own. */
  load(added: readonly unknown[]): Promise<Config>;
  /** Whether the configuration was taken when it was last read. */
  isConfigCurrent(): boolean;
  started(daemon: Daemon): void;
  /** @param reason when nobody asked for it */
  stopping(reason: string | undefined): void;
  failed(reason: string): void;
}

const replicate = async (
  config: Config,
  view: View,
  signals: Signals,
  { crashed, load, isConfigCurrent, started, stopping, failed }: Course,
): Promise<number> => {
  let daemon: Daemon | undefined;
  let progress: Progress | undefined;
  // While the source is lost nothing else keeps the process from ending.
  const alive = setInterval(() => {}, aliveMs);
  try {
    daemon = await startDaemon(config, { logger: view.logger, load });
    progress = showProgress(daemon, view);
    started(daemon);
    const served = await serve(daemon, config, { logger: view.logger, isConfigCurrent });
    return await Promise.race([
      untilEnd(daemon, signals, served, { logger: view.logger, stopping }),
      crashed,
    ]);
  } catch (error) {
    daemon?.cut();
    failed(error instanceof Error ? error.message : String(error));
    return report(error, view.logger);
  } finally {
    progress?.close();
    clearInterval(alive);
  }
};

const untilEnd = async (
  daemon: Daemon,
  signals: Signals,
  served: Served,
  { logger, stopping }: Pick<Course, 'stopping'> & { readonly logger: Logger },
): Promise<number> => {
  const end = await Promise.race([daemon.failed, signals.first]);
  const exitCode = typeof end === 'string' ? exitCodes.ok : report(end, logger);
  stopping(typeof end === 'string' ? undefined : end.message);
  // While the state directory is still ours: another process may listen there afterwards.
  await served.close();
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
