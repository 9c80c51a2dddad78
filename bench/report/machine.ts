import { spawnSync } from 'node:child_process';
import { readFileSync, statfsSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { peerVersion } from '../peers/at-hand.js';
import { peerNames } from '../scenario.js';

/** Where and with what was measured. */
export interface Machine {
  readonly date: string;
  readonly commit: string;
  readonly cores: number;
  readonly processor: string;
  readonly memoryGB: number;
  readonly kernel: string;
  /** Of TMPDIR, where the trees are. */
  readonly fileSystem: string;
  readonly node: string;
  readonly rsync: string;
  readonly peers: Readonly<Record<string, string>>;
  /** Runnable processes per minute at the beginning: above zero, others were at work as well. */
  readonly load: number;
}

const fileSystems = new Map([
  [0xef53, 'ext4'],
  [0x01021994, 'tmpfs'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x794c7630, 'overlayfs'],
]);

const firstMatch = (program: string, args: readonly string[], pattern: RegExp): string =>
  pattern.exec(spawnSync(program, args, { encoding: 'utf8' }).stdout ?? '')?.[1] ?? 'unknown';

export const describeMachine = (): Machine => {
  const [processor] = cpus();
  const known = peerNames.map((peer) => [peer, peerVersion(peer)] as const);
  const type = statfsSync(tmpdir()).type;
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: firstMatch('git', ['rev-parse', '--short', 'HEAD'], /^(\w+)/),
    cores: cpus().length,
    processor: processor?.model.trim() || modelName(),
    memoryGB: Math.round(totalmem() / 1024 ** 3),
    // Without what a distribution or a host adds.
    kernel: /^[\d.]+/.exec(release())?.[0] ?? release(),
    fileSystem: fileSystems.get(type) ?? `0x${type.toString(16)}`,
    node: process.versions.node,
    rsync: firstMatch('rsync', ['--version'], /version (\S+)/),
    peers: Object.fromEntries(
      known.flatMap(([peer, version]) => (version === undefined ? [] : [[peer, version]])),
    ),
    load: Number(loadavg()[0]?.toFixed(1)),
  };
};

const modelName = (): string =>
  /^model name\s*: (.+)$/m.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1]?.trim() ?? 'unknown';
