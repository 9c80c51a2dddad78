import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { loadAddon } from '../../src/native/addon.js';
import {
  type ChildOptions,
  type ChildProcess,
  loadExeca,
  startByAddon,
  startChild,
} from '../../src/transfer/child-process.js';
import { atEnd } from '../support/scope.js';
import { tempTree } from '../support/temp-tree.js';

type Starter = (options: ChildOptions) => ChildProcess;

const starters: Readonly<Record<string, Starter>> = {
  'by the addon': startByAddon,
  'by execa': await loadExeca(),
};

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | undefined;
  readonly startError: string | undefined;
}

/** Runs it in `/`, or where `options` says, to its end. */
const run = async (
  start: Starter,
  file: string,
  args: readonly string[],
  options: Partial<ChildOptions> = {},
  act: (child: ChildProcess) => void = (child) => void child.stdin?.end(),
): Promise<Ran> => {
  const cwdFd = openSync('/', 'r');
  let stdout = '';
  let stderr = '';
  try {
    const child = start({
      file,
      args,
      env: process.env,
      cwdFd,
      stdin: 'pipe',
      onStdout: (text) => {
        stdout += text;
      },
      onStderr: (text) => {
        stderr += text;
      },
      ...options,
    });
    act(child);
    return { ...(await child.ended), stdout, stderr };
  } finally {
    closeSync(cwdFd);
  }
};

/** States of this process's children, as proc(5) writes them. */
const childStates = (): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return Number(parent) === process.pid && state !== undefined ? [state] : [];
      } catch {
        return [];
      }
    });

for (const [how, start] of Object.entries(starters)) {
  test(`${how}: what it writes, byte for byte, and its exit status`, async () => {
    const script = 'printf "out\\377\\n"; printf err >&2; exit 7';
    const ran = await run(start, 'sh', ['-c', script]);
    assert.deepEqual(ran, { exitCode: 7, startError: undefined, stdout: 'out\xff\n', stderr: 'err' });
  });

  test(`${how}: all of much output`, async () => {
    const { stdout, exitCode } = await run(start, 'sh', ['-c', 'yes | head -c 3000000']);
    assert.equal(exitCode, 0);
    assert.equal(stdout.length, 3_000_000);
  });

  test(`${how}: what it reads, from a pipe or a descriptor`, async () => {
    const piped = await run(start, 'cat', [], {}, (child) => void child.stdin?.end('from a pipe'));
    assert.equal(piped.stdout, 'from a pipe');
    const fd = loadAddon().memoryFile(Buffer.from('from a file'));
    try {
      assert.equal((await run(start, 'cat', [], { stdin: fd })).stdout, 'from a file');
    } finally {
      closeSync(fd);
    }
  });

  test(`${how}: its directory, environment and arguments`, async (t) => {
    const tree = tempTree(t);
    const cwdFd = openSync(tree.path, 'r');
    atEnd(t, () => closeSync(cwdFd));
    const env = { PATH: process.env.PATH, GREETING: 'grüß', UNSET: undefined };
    const script = 'pwd -P; env | grep -v "^_=\\|^PWD=\\|^SHLVL=" | sort; printf "%s|" "$@"';
    const { stdout } = await run(start, 'sh', ['-c', script, 'sh', 'a b', '', '*', 'ä'], { cwdFd, env });
    assert.equal(
      Buffer.from(stdout, 'latin1').toString(),
      `${realpathSync(tree.path)}\nGREETING=grüß\nPATH=${process.env.PATH}\na b||*|ä|`,
    );
  });

  test(`${how}: a session and a process group of its own`, async () => {
    let pid: number | undefined;
    const ran = await run(start, 'cat', ['/proc/self/stat'], {}, (child) => {
      pid = child.pid;
      child.stdin?.end();
    });
    const [, , group, session] = ran.stdout.slice(ran.stdout.lastIndexOf(')') + 2).split(' ');
    assert.deepEqual([group, session], [`${pid}`, `${pid}`]);
  });

  test(`${how}: no descriptor but the three, and those that are meant for all children`, async (t) => {
    const list = ['-c', 'echo /proc/$$/fd/*'];
    const numbers = (text: string) => text.match(/\d+(?=\s|$)/g)?.map(Number);
    const forAll = numbers(spawnSync('sh', list, { encoding: 'latin1' }).stdout);
    const others = Array.from({ length: 5 }, () => openSync('/', 'r'));
    atEnd(t, () => others.forEach((fd) => void closeSync(fd)));
    assert.deepEqual(numbers((await run(start, 'sh', list)).stdout), forAll);
  });

  test(`${how}: signals have their default effect`, async () => {
    const { stdout } = await run(start, 'cat', ['/proc/self/status']);
    assert.match(stdout, /^SigBlk:\t0{16}\nSigIgn:\t0{16}$/m);
  });

  test(`${how}: a killed one has no exit status`, async () => {
    const ran = await run(start, 'sleep', ['1000'], {}, ({ pid }) => void process.kill(-(pid as number)));
    assert.equal(ran.exitCode, undefined);
    assert.equal(ran.startError, undefined);
  });

  test(`${how}: hundreds, many at a time: none stays behind`, async () => {
    const openBefore = readdirSync('/proc/self/fd').length;
    for (let round = 0; round < 10; round++) {
      const runs = Array.from({ length: 20 }, (_, i) => run(start, 'sh', ['-c', `echo ${i}; exit ${i}`]));
      for (const [i, ran] of (await Promise.all(runs)).entries())
        assert.deepEqual(ran, { exitCode: i, startError: undefined, stdout: `${i}\n`, stderr: '' });
    }
    assert.deepEqual(
      childStates().filter((state) => state === 'Z'),
      [],
    );
    assert.ok(readdirSync('/proc/self/fd').length <= openBefore + 2);
  });
}

test('many lines are told in few pieces, the first while it runs', async () => {
  const pieces: string[] = [];
  let child: ChildProcess | undefined;
  const onStdout = (text: string): void => {
    // It goes on only when its first line was told.
    if (pieces.push(text) === 1) child?.stdin?.end();
  };
  const script = 'echo first; read line; i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i + 1)); done';
  const startedAt = performance.now();
  await run(startByAddon, 'sh', ['-c', script], { onStdout }, (started) => {
    child = started;
  });
  const elapsedMs = performance.now() - startedAt;
  const lines = Array.from({ length: 3000 }, (_, i) => String(i));
  assert.equal(pieces.join(''), `first\n${lines.join('\n')}\n`);
  // One for each pause, and one each for the first line, the first of the others and what is left at the end.
  assert.ok(pieces.length <= elapsedMs / 19 + 3, `${pieces.length} pieces in ${elapsedMs} ms`);
});

test('what can not be started says why', async (t) => {
  const tree = tempTree(t, { 'not-executable': 'x' });
  for (const [file, startError] of [
    ['no-such-program-anywhere', 'ENOENT'],
    ['/no/such/program', 'ENOENT'],
    [`${tree.path}/not-executable`, 'EACCES'],
  ] as const) {
    const ran = await run(startChild, file, []);
    assert.deepEqual(ran, { exitCode: undefined, startError, stdout: '', stderr: '' });
  }
});

test('a thread may end while its child runs', async () => {
  const worker = new Worker(
    `const { startChild } = await import(${JSON.stringify(new URL('../../src/transfer/child-process.js', import.meta.url).href)});
     const { parentPort } = await import('node:worker_threads');
     const { openSync } = await import('node:fs');
     const nothing = () => {};
     const child = startChild({ file: 'sleep', args: ['1000'], env: process.env, cwdFd: openSync('/', 'r'), stdin: 'pipe', onStdout: nothing, onStderr: nothing });
     parentPort.postMessage(child.pid);`,
    { eval: true },
  );
  const pid = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
  });
  await worker.terminate();
  process.kill(pid, 'SIGKILL');
});
