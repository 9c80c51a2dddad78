import type { DeletesAction } from './deletes.js';
import type { TargetAction } from './target.js';

/** What a command gets: its words in their order, those of a list as one, and its options by their long names. */
export interface CommandCall {
  readonly words: readonly string[];
  readonly lists: readonly (readonly string[])[];
  readonly options: Readonly<Record<string, unknown>>;
  /** Of `--config`; empty where it is not needed and was not given. */
  readonly file: string;
}

export interface CommandWord {
  /** `name`, `[name]` when it may be left out, `name...` for several. */
  readonly name: string;
  readonly choices?: readonly string[];
}

export interface CommandOption {
  /** As commander writes it: `--timeout <time>`. */
  readonly flags: string;
  readonly description: string;
  readonly default?: string;
  /** Whether it may be given several times. */
  readonly isList?: true;
}

/** One verb of the command line. Help, completion and manual pages can be made from this. */
export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  readonly words?: readonly CommandWord[];
  readonly options?: readonly CommandOption[];
  /** How it is written, without its name and `--config`. */
  readonly usage: string;
  /** False where it works without a configuration. */
  readonly needsConfig?: false;
  /** Exit codes of its own, beside 64, 69, 70 and 78. */
  readonly exitCodes?: Readonly<Record<number, string>>;
  /** Loads what it needs and carries it out. @returns the exit code */
  run(call: CommandCall): Promise<number>;
}

const json: CommandOption = { flags: '--json', description: 'the answer as one JSON document' };
const oneTarget: CommandOption = { flags: '--target <name>', description: 'this target alone' };

const flag = ({ options }: CommandCall, name: string): boolean => options[name] === true;
const text = ({ options }: CommandCall, name: string): string | undefined => {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
};
const texts = ({ options }: CommandCall, name: string): readonly string[] => {
  const value = options[name];
  return Array.isArray(value) ? value : [];
};

/** The verbs that ask a running imgsync-fast, or look at what one needs. */
export const commands: readonly CommandSpec[] = [
  {
    name: 'check',
    summary: 'check the configuration and end: one line for each fault',
    usage: '',
    run: async (call) => (await import('./check.js')).check(call.file),
  },
  {
    name: 'import',
    summary:
      'turn the configuration of sersync (XML) or lsyncd (Lua) into one of ours and say what became of each part',
    words: [{ name: 'file' }],
    options: [
      {
        flags: '-o, --output <file>',
        description: 'write the configuration into a new file, not to standard output',
      },
      { flags: '--check', description: 'write no configuration: only say what would become of each part' },
    ],
    usage: '<file> [-o sync.json] [--check]',
    needsConfig: false,
    run: async (call) =>
      (await import('./import.js')).importFile(call.words[0] ?? '', {
        output: text(call, 'output'),
        check: flag(call, 'check'),
      }),
  },
  {
    name: 'doctor',
    summary: 'look at all that the configuration needs, here and at the targets: one line for each check',
    options: [json],
    usage: '[--json]',
    exitCodes: { 0: 'nothing fails', 1: 'something fails' },
    run: async (call) => (await import('./doctor.js')).doctor(call.file, flag(call, 'json')),
  },
  {
    name: 'status',
    summary: 'show how far the targets are',
    options: [
      { flags: '--watch', description: 'again each second, until it is ended' },
      { flags: '--json', description: 'as one JSON document; with --watch one in each line' },
    ],
    usage: '[--watch] [--json]',
    run: async (call) =>
      (await import('./status.js')).status(call.file, {
        watch: flag(call, 'watch'),
        json: flag(call, 'json'),
      }),
  },
  {
    name: 'wait',
    summary: 'wait until what is at the source now is at the targets',
    options: [
      {
        flags: '--path <path>',
        description: 'only this file or directory: in the source, or relative to it; may be repeated',
        isList: true,
      },
      {
        flags: '--target <which>',
        description: 'all, a number of targets, or names: NAME,NAME',
        default: 'all',
      },
      { flags: '--timeout <time>', description: 'longest time: 500ms, 30s, 5m', default: '30s' },
      json,
    ],
    usage: '[--path <path>]… [--target all|<number>|<name>,…] [--timeout 30s] [--json]',
    exitCodes: {
      0: 'it is there',
      1: 'a path never gets there: a rule excludes it',
      3: 'not in sync when the time was over',
    },
    run: async (call) =>
      (await import('./wait.js')).wait(call.file, {
        paths: texts(call, 'path'),
        target: text(call, 'target') ?? 'all',
        timeout: text(call, 'timeout') ?? '30s',
        json: flag(call, 'json'),
      }),
  },
  {
    name: 'why',
    summary: 'say where a path stands with each target, and why it is not there',
    words: [{ name: 'path' }],
    options: [json],
    usage: '<path> [--json]',
    run: async (call) =>
      (await import('./why.js')).why(call.file, call.words[0] ?? '', { json: flag(call, 'json') }),
  },
  ...(['pause', 'resume'] as const).map(
    (action): CommandSpec => ({
      name: action,
      summary:
        action === 'pause'
          ? 'send nothing more to a target, also after a restart; what changes is kept for it'
          : 'send a paused target what waits for it',
      words: [{ name: 'target' }],
      options: [json],
      usage: '<target> [--json]',
      run: async (call) =>
        (await import('./steer.js')).setPaused(call.file, action, call.words[0] ?? '', {
          json: flag(call, 'json'),
        }),
    }),
  ),
  {
    name: 'drain',
    summary: 'send a target all that waits for it, then pause it',
    words: [{ name: 'target' }],
    options: [
      { flags: '--timeout <time>', description: 'longest time: 500ms, 30s, 5m', default: '5m' },
      json,
    ],
    usage: '<target> [--timeout 5m] [--json]',
    exitCodes: {
      0: 'it has everything and is paused',
      3: 'not in sync when the time was over; it goes on',
    },
    run: async (call) =>
      (await import('./steer.js')).drain(call.file, call.words[0] ?? '', {
        timeout: text(call, 'timeout') ?? '5m',
        json: flag(call, 'json'),
      }),
  },
  {
    name: 'push',
    summary: 'send files, and directories with all beneath, again',
    words: [{ name: 'paths...' }],
    options: [oneTarget, json],
    usage: '<path>… [--target <name>] [--json]',
    exitCodes: { 0: 'they will be sent', 1: 'a rule excludes a path' },
    run: async (call) =>
      (await import('./steer.js')).push(call.file, call.lists[0] ?? [], {
        target: text(call, 'target'),
        json: flag(call, 'json'),
      }),
  },
  {
    name: 'full',
    summary: 'compare all of a target, or of each of them, with the source now and send what differs',
    words: [{ name: '[target]' }],
    options: [json],
    usage: '[<target>] [--json]',
    exitCodes: { 0: 'it begins', 1: 'the source is not watched' },
    run: async (call) =>
      (await import('./steer.js')).full(call.file, call.words[0], { json: flag(call, 'json') }),
  },
  {
    name: 'verify',
    summary: 'say what differs at a target, or at each of them, that it had acknowledged',
    words: [{ name: '[target]' }],
    options: [
      { flags: '--checksum', description: 'compare by content: every file is read at both ends' },
      { flags: '--sample <number>', description: 'only so many directories, chosen at random' },
      { flags: '--heal', description: 'send what differs again' },
      json,
    ],
    usage: '[<target>] [--checksum] [--sample <number>] [--heal] [--json]',
    exitCodes: {
      0: 'nothing differs',
      1: 'no target could be compared',
      3: 'something differs',
      4: 'some targets could not be compared',
    },
    run: async (call) => {
      const sample = text(call, 'sample');
      return (await import('./verify.js')).verify(call.file, {
        target: call.words[0],
        checksum: flag(call, 'checksum'),
        sample: sample === undefined ? undefined : Number(sample),
        heal: flag(call, 'heal'),
        json: flag(call, 'json'),
      });
    },
  },
  {
    name: 'target',
    summary: 'add a target while it runs, or take out (rm) one that was added so',
    words: [{ name: 'action', choices: ['add', 'rm'] satisfies TargetAction[] }, { name: 'what' }],
    options: [json],
    usage: 'add <url>|<json> | rm <name> [--json]',
    exitCodes: { 0: 'done', 1: 'the target stands in the configuration' },
    run: async (call) =>
      (await import('./target.js')).target(call.file, call.words[0] as TargetAction, call.words[1] ?? '', {
        json: flag(call, 'json'),
      }),
  },
  {
    name: 'deletes',
    summary: 'show what the guard of deletes holds, let it go (approve) or keep it at the targets (reject)',
    words: [{ name: 'action', choices: ['list', 'approve', 'reject'] satisfies DeletesAction[] }],
    options: [oneTarget, json],
    usage: 'list|approve|reject [--target <name>] [--json]',
    run: async (call) =>
      (await import('./deletes.js')).deletes(call.file, call.words[0] as DeletesAction, {
        target: text(call, 'target'),
        json: flag(call, 'json'),
      }),
  },
];
