import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { commandAction } from '../../src/hooks/command.js';
import type { HookCall } from '../../src/hooks/hook-call.js';
import { entries, hookOf } from '../support/hooks.js';
import type { Scope } from '../support/scope.js';
import { tempDirectory, tempTree } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

const hostile = [
  '$(touch pwned)',
  '`touch pwned`',
  '-rf',
  '--version',
  'two\nlines',
  'a b',
  ';touch pwned',
  'quote\'"',
  'caf\xc3\xa9',
];

/** A program that writes its arguments, its input and its environment into files beside it. */
const recorder = (scope: Scope): { readonly program: string; read(name: string): string } => {
  const folder = tempDirectory(scope, 'hook');
  const program = join(folder, 'record');
  const lines = [
    '#!/bin/sh',
    `printf '%s\\0' "$@" >> ${folder}/arguments`,
    `cat > ${folder}/input`,
    `printf '%s|%s|%s' "$IMGSYNC_HOOK" "$IMGSYNC_TARGET" "$PWD" > ${folder}/environment`,
  ];
  writeFileSync(program, `${lines.join('\n')}\n`);
  chmodSync(program, 0o755);
  return { program, read: (name) => readFileSync(join(folder, name), 'latin1') };
};

const call = (source: string, paths: readonly string[]): HookCall => ({
  hook: 'command',
  target: 'img64',
  source,
  id: 'run-1',
  changes: entries(...paths),
});
const never = new AbortController().signal;

test('hostile names are data: as arguments', async (t) => {
  const source = tempTree(t);
  const { program, read } = recorder(t);
  const hook = hookOf({ type: 'command', argv: [program, 'first', '{paths}', 'last $HOME'] });
  await commandAction(hook)(call(source.path, hostile), never);
  const expected = ['first', ...hostile.map((path) => `${source.path}/${path}`), 'last $HOME'];
  assert.deepEqual(read('arguments').split('\0').slice(0, -1), expected);
  assert.equal(read('environment'), `command|img64|${source.path}`);
  assert.deepEqual(source.count(), 0, 'something ran');
});

test('hostile names are data: on standard input, with those that are not UTF-8', async (t) => {
  const source = tempTree(t);
  const { program, read } = recorder(t);
  const hook = hookOf({ type: 'command', argv: [program], pass: 'stdin' });
  const paths = [...hostile, 'caf\xe9'];
  await commandAction(hook)(call(source.path, paths), never);
  assert.equal(read('input'), paths.map((path) => `${source.path}/${path}\0`).join(''));
  assert.equal(read('arguments'), '\0');
});

test('JSON on standard input says what became of each path', async (t) => {
  const source = tempTree(t, { 'a b': 'x' });
  source.makeDirectory('dir');
  source.link('link', 'a b');
  const { program, read } = recorder(t);
  const hook = hookOf({ type: 'command', argv: [program], pass: 'json' });
  await commandAction(hook)(call(source.path, ['a b', 'dir', 'link', 'gone\n', 'caf\xe9']), never);
  const { target, id, paths } = JSON.parse(read('input'));
  assert.deepEqual([target, id], ['img64', 'run-1']);
  assert.deepEqual(paths, [
    { path: 'a b', kind: 'entry', state: 'file' },
    { path: 'dir', kind: 'entry', state: 'directory' },
    { path: 'link', kind: 'entry', state: 'link' },
    { path: 'gone\\x0a', pathBase64: 'Z29uZQo=', kind: 'entry', state: 'gone' },
    { path: 'caf\\xe9', pathBase64: 'Y2Fm6Q==', kind: 'entry', state: 'gone' },
  ]);
});

test('what can not be an argument is a failure, after the others were carried', async (t) => {
  const source = tempTree(t);
  const { program, read } = recorder(t);
  const hook = hookOf({ type: 'command', argv: [program] });
  await assert.rejects(
    commandAction(hook)(call(source.path, ['caf\xe9', 'plain']), never),
    /1 names are not UTF-8.*"pass": "stdin"/,
  );
  assert.equal(read('arguments'), `${source.path}/plain\0`);
});

test('more paths than a command line takes go in several', async (t) => {
  const source = tempTree(t);
  const { program, read } = recorder(t);
  const paths = Array.from(
    { length: 3_000 },
    (_, index) => `${String(index).padStart(5, '0')}${'x'.repeat(100)}`,
  );
  await commandAction(hookOf({ type: 'command', argv: [program] }))(call(source.path, paths), never);
  assert.deepEqual(
    read('arguments').split('\0').slice(0, -1),
    paths.map((path) => `${source.path}/${path}`),
  );
});

test('a command that hangs is killed with all that it started', async (t) => {
  const source = tempTree(t);
  const folder = tempDirectory(t, 'hook');
  const hook = hookOf({
    type: 'command',
    argv: ['sh', '-c', `sleep 1000 & echo $! > ${folder}/child; wait`, 'sh'],
  });
  const abort = new AbortController();
  const ended = commandAction(hook)(call(source.path, ['a']), abort.signal);
  ended.catch(() => {});
  await waitFor(() => existsSync(`${folder}/child`) && readFileSync(`${folder}/child`, 'utf8') !== '', {
    what: 'its child',
  });
  const child = Number(readFileSync(`${folder}/child`, 'utf8'));
  abort.abort(new Error('it took longer than 1 s'));
  await assert.rejects(ended, /it took longer than 1 s/);
  await waitFor(() => !isRunning(child), { what: 'end of its child' });
});

/** A program that leaves another behind, in a session of its own and with the same standard error. */
const leaver = (folder: string, then: string): string[] => [
  'sh',
  '-c',
  `setsid sh -c 'echo $$ > ${folder}/left; exec sleep 1000' & while [ ! -s ${folder}/left ]; do sleep 0.01; done; ${then}`,
  'sh',
];

for (const [what, then, failure] of [
  ['worked', 'exit 0', undefined],
  ['failed', 'echo no room >&2; exit 3', /^sh ended with 3: no room$/],
  ['hangs', 'wait', /it took longer/],
] as const)
  test(`a call is over when its program ${what}, whatever it left behind`, async (t) => {
    const source = tempTree(t);
    const folder = tempDirectory(t, 'hook');
    const hook = hookOf({ type: 'command', argv: leaver(folder, then) });
    const abort = new AbortController();
    const ended = commandAction(hook)(call(source.path, ['a']), abort.signal);
    ended.catch(() => {});
    if (what === 'hangs') {
      await waitFor(() => existsSync(`${folder}/left`) && readFileSync(`${folder}/left`, 'utf8') !== '', {
        what: 'the one that is left',
      });
      abort.abort(new Error('it took longer than 1 s'));
    }
    let isOver = false;
    void ended
      .catch(() => {})
      .then(() => {
        isOver = true;
      });
    await waitFor(() => existsSync(`${folder}/left`) && readFileSync(`${folder}/left`, 'utf8') !== '', {
      what: 'the one that is left',
    });
    const left = Number(readFileSync(`${folder}/left`, 'utf8'));
    t.after(() => process.kill(left, 'SIGKILL'));
    await waitFor(() => isOver, { what: 'end of the call', limitMs: 20_000 });
    if (failure === undefined) await ended;
    else await assert.rejects(ended, ({ message }: Error) => failure.test(message) || assert.fail(message));
  });

test('a program need not read what it is given', async (t) => {
  const source = tempTree(t);
  const paths = Array.from({ length: 20_000 }, (_, index) => `${index}${'x'.repeat(100)}`);
  const hook = hookOf({ type: 'command', argv: ['true'], pass: 'stdin' });
  await commandAction(hook)(call(source.path, paths), never);
});

test('standard error without end is read and forgotten', async (t) => {
  const source = tempTree(t);
  const argv = ['sh', '-c', 'head -c 20000000 /dev/zero >&2; echo at last >&2; exit 1', 'sh'];
  const failed = commandAction(hookOf({ type: 'command', argv }))(call(source.path, ['a']), never);
  await assert.rejects(failed, { message: 'sh ended with 1: at last' });
});

/** Zombies that nobody reaps are no more than a number. */
const isRunning = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
};

for (const [argv, reason] of [
  [['sh', '-c', 'echo first >&2; echo disk full >&2; exit 3', 'sh'], /^sh ended with 3: disk full$/],
  [['/nowhere/program'], /^\/nowhere\/program could not be run: ENOENT/],
  [['sh', '-c', 'kill -9 $$', 'sh'], /^sh was ended by SIGKILL$/],
] as const)
  test(`a failure says why: ${argv.join(' ')}`, async (t) => {
    const source = tempTree(t);
    const failed = commandAction(hookOf({ type: 'command', argv }))(call(source.path, ['a']), never);
    await assert.rejects(failed, ({ message }: Error) => reason.test(message) || assert.fail(message));
  });
