import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config, LogLevel } from '../config/config.js';
import { loadConfig } from '../config/load.js';
import { ConfigError, ReplicationError } from '../core/errors.js';
import { startDaemon } from '../daemon/daemon.js';
import { createLog } from '../daemon/logger.js';
import { OperatorFile } from '../daemon/operator-file.js';
import type { Daemon } from '../daemon/status.js';
import { controlRoutes } from '../http/control-routes.js';
import { startControl } from '../http/control-server.js';
import { exitCodeOf, exitCodeOfSignal, exitCodes } from './exit-codes.js';
import { loadWithAdded } from './load-with-added.js';
import { type Progress, showProgress, type View } from './progress.js';
import { reload } from './reload.js';
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
  const adapt = (config: Config): Config => overridden(config, overrides);
  const { stateDir } = await loadConfig(file);
  const leftOut: string[] = [];
  const config = adapt(await loadWithAdded(file, addedTargets(stateDir), (message) => leftOut.push(message)));
  const terminal =
    process.stdout.isTTY && process.env.TERM !== 'dumb' ? new Terminal(process.stdout) : undefined;
  process.stdout.on('error', () => {});
  const { logger, flush } = await createLog({
    level: config.log.level,
    pretty: config.log.pretty === 'auto' ? terminal !== undefined : config.log.pretty,
    colors: hasColors(process.stdout),
    ...(terminal === undefined ? {} : { write: (line: string) => terminal.write(line) }),
  });
  const exitCode = await replicate(config, { logger, terminal }, signals, {
    crashed,
    load: async (added) => adapt(await loadConfig(file, added)),
    started: (daemon) => {
      for (const message of leftOut) notUsable(logger, message);
      const load = () => loadWithAdded(file, addedTargets(stateDir), (message) => notUsable(logger, message));
      signals.onHangup(() => void reload(file, adapt, daemon, logger, load));
    },
  });
  await flush();
  return exitCode;
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

const replicate = async (
  config: Config,
  view: View,
  signals: Signals,
  {
    crashed,
    load,
    started,
  }: {
    readonly crashed: Promise<never>;
    load(added: readonly unknown[]): Promise<Config>;
    started(daemon: Daemon): void;
  },
): Promise<number> => {
  let daemon: Daemon | undefined;
  let progress: Progress | undefined;
  // While the source is lost nothing else keeps the process from ending.
  const alive = setInterval(() => {}, aliveMs);
  try {
    daemon = await startDaemon(config, { logger: view.logger, load });
    progress = showProgress(daemon, view);
    started(daemon);
    return await Promise.race([untilEnd(daemon, signals, config.stateDir, view.logger), crashed]);
  } catch (error) {
    daemon?.cut();
    return report(error, view.logger);
  } finally {
    progress?.close();
    clearInterval(alive);
  }
};

const untilEnd = async (
  daemon: Daemon,
  signals: Signals,
  stateDir: string,
  logger: Logger,
): Promise<number> => {
  const control = await startControl(stateDir, controlRoutes(daemon)).catch((error: unknown) => {
    const text = error instanceof Error ? error.message : String(error);
    logger.warn({ error: text }, 'there is no control socket: it can not be made in the state directory');
    return undefined;
  });
  const end = await Promise.race([daemon.failed, signals.first]);
  const exitCode = typeof end === 'string' ? exitCodes.ok : report(end, logger);
  // While the state directory is still ours: another process may listen there afterwards.
  await control?.close();
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
