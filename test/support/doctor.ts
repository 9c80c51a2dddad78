import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Finding, Level } from '../../src/doctor/finding.js';
import type { SyncJson } from './imgsync.js';
import type { Scope } from './scope.js';
import { tempDirectory } from './temp-tree.js';

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

export interface Diagnosis {
  readonly code: number | null;
  readonly findings: readonly Finding[];
  readonly stderr: string;
}

export interface DoctorRunOptions {
  /** Program and arguments that start it, such as `unshare`; none: node itself. */
  readonly wrap?: readonly string[];
  /** User and group that it runs as; only as root. */
  readonly userId?: number;
}

/** Writes sync.json, with a `stateDir` of its own unless there is one, and runs `imgsync-fast doctor --json` with it. */
export const diagnose = async (
  scope: Scope,
  config: SyncJson,
  { wrap = [], userId }: DoctorRunOptions = {},
): Promise<Diagnosis> => {
  const folder = tempDirectory(scope, 'doctor');
  const file = join(folder, 'sync.json');
  writeFileSync(file, JSON.stringify({ stateDir: join(folder, 'state'), ...config }));
  if (userId !== undefined) for (const path of [folder, file]) chownSync(path, userId, userId);
  return diagnoseFile(file, { wrap, ...(userId === undefined ? {} : { userId }) });
};

/** Runs `imgsync-fast doctor --json` with a file that is there. */
export const diagnoseFile = async (
  file: string,
  { wrap = [], userId }: DoctorRunOptions = {},
): Promise<Diagnosis> => {
  const [program = '', ...args] = [...wrap, process.execPath, main, 'doctor', '--config', file, '--json'];
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(userId === undefined ? {} : { uid: userId, gid: userId }),
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  assert.ok(stdout.startsWith('{'), `no document, but: ${stdout}${stderr}`);
  const document = JSON.parse(stdout);
  assert.equal(document.schema, 'imgsync-fast/doctor/1');
  return { code, findings: document.findings, stderr };
};

/** The findings that are no `ok`; what is kept in memory here is no fault of the setup. */
export const troublesOf = ({ findings }: Diagnosis): Finding[] =>
  findings.filter(({ level, check }) => level !== 'ok' && check !== 'state file system');

/** Fails unless exactly this was found, beside what is `ok`. */
export const assertFound = (
  diagnosis: Diagnosis,
  level: Level,
  check: string | RegExp,
  words: RegExp,
): void => {
  const troubles = troublesOf(diagnosis);
  const said = JSON.stringify(troubles, undefined, 2);
  assert.equal(troubles.length, 1, said);
  const [{ level: found, check: where, text: what, remedy = '' } = diagnosis.findings[0] as Finding] =
    troubles;
  assert.equal(found, level, said);
  if (typeof check === 'string') assert.equal(where, check, said);
  else assert.match(where, check, said);
  assert.match(what, words, said);
  assert.notEqual(remedy, '', said);
};
