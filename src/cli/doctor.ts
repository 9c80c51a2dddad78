import { setMaxListeners } from 'node:events';
import { loadConfig } from '../config/load.js';
import { ConfigError, WatchError } from '../core/errors.js';
import { examine } from '../doctor/doctor.js';
import { type Finding, fail, type Level, lineOf } from '../doctor/finding.js';
import { examineHost } from '../doctor/host.js';
import type { RunningStatus } from '../doctor/running.js';
import { askControl } from './control-client.js';
import { exitCodes } from './exit-codes.js';
import { hasColors } from './terminal.js';

/** Of the JSON document; its number grows when readers would have to change. */
const schema = 'imgsync-fast/doctor/1';

/**
 * Looks at everything that a configuration needs and prints a line for each check, or one JSON document.
 * @returns The exit code: 0 when nothing fails, 1 when something does, 78 when it is the configuration.
 */
export const doctor = async (file: string, json: boolean): Promise<number> => {
  const stop = new AbortController();
  // Every target and hook listens.
  setMaxListeners(0, stop.signal);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const { findings, isWrong } = await findingsOf(file, stop.signal);
  const fails = findings.filter(({ level }) => level === 'fail').length;
  const warnings = findings.filter(({ level }) => level === 'warn').length;
  if (json) {
    const document = { schema, ok: fails === 0, fails, warnings, findings };
    process.stdout.write(`${JSON.stringify(document, undefined, 2)}\n`);
  } else {
    const colors = hasColors(process.stdout);
    for (const finding of findings) process.stdout.write(`${painted(finding, colors)}\n`);
    process.stderr.write(`${findings.length} checks, ${fails} fail, ${warnings} warn\n`);
  }
  if (isWrong) return exitCodes.config;
  return fails === 0 && !stop.signal.aborted ? exitCodes.ok : exitCodes.failed;
};

const findingsOf = async (
  file: string,
  signal: AbortSignal,
): Promise<{ readonly findings: readonly Finding[]; readonly isWrong: boolean }> => {
  try {
    const config = await loadConfig(file);
    const ask = async (stateDir: string) => (await askControl(stateDir, 'GET /v1/status')) as RunningStatus;
    return { findings: await examine(config, { signal, ask, progress }), isWrong: false };
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof WatchError)) throw error;
    const isWrong = error instanceof ConfigError;
    const check = isWrong ? 'configuration' : 'source';
    const remedy = isWrong ? 'correct it: docs/configuration.md' : error.hint;
    const faults = error.message.split('\n').map((line) => fail(check, line, remedy));
    return { findings: [...examineHost(), ...faults], isWrong };
  }
};

/** A word on a terminal, for a huge tree takes its time; it is taken away in the end. */
const progress = (word: string | undefined): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${word ?? ''}`);
};

const colorOf: Readonly<Record<Level, string>> = { ok: '\x1b[32m', warn: '\x1b[33m', fail: '\x1b[31m' };

const painted = (finding: Finding, colors: boolean): string => {
  const line = lineOf(finding);
  const word = finding.level.length;
  return colors ? `${colorOf[finding.level]}${line.slice(0, word)}\x1b[0m${line.slice(word)}` : line;
};
