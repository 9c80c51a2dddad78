import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Change, type ChangeKind, widerKind } from '../../../src/core/change.js';
import type { Clock } from '../../../src/core/clock.js';
import { ancestorsOf, isInside, parentOf, type RelPath, ROOT } from '../../../src/core/path.js';
import { compareWithTarget } from '../../../src/replicate/compare.js';
import { Checkpointer, type CheckpointSource } from '../../../src/store/checkpointer.js';
import type { TargetCheckpoint, Ticket } from '../../../src/store/target-checkpoint.js';
import type { TargetDigests } from '../../../src/store/target-digests.js';
import { digestTables } from '../../support/digest-store.js';
import { chooseSeed, Random } from '../../support/random.js';
import { childOf, FakeTree } from './fake-tree.js';

const names = ['a', 'b', 'c'] as const;
const maxDepth = 4;

class Killed extends Error {}

/** A batch on its way: its changes take effect one after the other, each with the state of that moment. */
interface Sent {
  readonly changes: readonly Change[];
  readonly ticket: Ticket;
  readonly undone: Change[];
  readonly isCompare: boolean;
  /** Those that were told as entries and are directories when the batch is looked at. */
  readonly directories: readonly RelPath[];
}

/** What is lost when the process dies. */
interface Life {
  readonly digests: TargetDigests;
  readonly checkpointer: Checkpointer;
  readonly checkpoint: TargetCheckpoint;
  /** The inodes of the directories that the watcher knows: it saw everything up to then. */
  remembered: Map<RelPath, number>;
  /** Changes that the kernel holds. */
  kernel: Change[];
  /** Files whose writer did not close them. */
  readonly open: Set<RelPath>;
  /** Files that were closed, of which the watcher does not know yet. */
  readonly closing: Set<RelPath>;
  readonly waiting: Map<RelPath, ChangeKind>;
  readonly comparing: Set<RelPath>;
  sent: Sent | undefined;
  /** Directories are to be compared; until then nobody knows what the target lacks. */
  isListing: boolean;
  isCheckpointing: boolean;
  isKilled: boolean;
}

/** A source, a target, and everything between them, driven by one random number after the other. */
class World {
  readonly source = new FakeTree();
  readonly target = new FakeTree();
  #stamp = 1;
  /** No event is lost or folded, nobody kills the process, and the target is never away for long. */
  readonly isSafe: boolean;
  /** Nothing goes on beside a round. */
  #isQuiet = false;
  /** Moves that can be taken back. */
  readonly #moved: [RelPath, RelPath][] = [];
  life: Life;

  constructor(
    readonly random: Random,
    private readonly newDigests: () => TargetDigests,
    { isSafe = false } = {},
  ) {
    this.isSafe = isSafe;
    this.life = this.#begin();
  }

  #begin(): Life {
    const digests = this.newDigests();
    const clock: Clock = {
      now: () => 0,
      after: (_, callback) => {
        if (!this.life.isKilled) this.#someSteps();
        setImmediate(callback);
        return () => {};
      },
    };
    const source: CheckpointSource = {
      digest: async (directories, trees) => {
        const wanted = this.source.directories.filter(
          (path) =>
            directories.includes(path) || [path, ...ancestorsOf(path)].some((each) => trees.includes(each)),
        );
        return wanted.flatMap((path) => {
          this.#interleave();
          return this.source.isDirectory(path) ? this.source.scan(path) : [];
        });
      },
      existing: async (directories) => {
        this.#interleave();
        return new Set(directories.filter((path) => this.source.isDirectory(path)));
      },
      drain: async () => {
        this.#interleave();
        const settling = [...this.life.open];
        this.#deliver();
        this.#interleave();
        return settling;
      },
    };
    const failed = (error: unknown) => {
      if (!(error instanceof Killed)) throw error;
    };
    const checkpointer = new Checkpointer(source, { clock, intervalMs: 1, failed });
    const checkpoint = checkpointer.add({
      digests,
      openChanges: () => this.#openChanges(),
      isCompared: () => !this.life.isListing && this.life.comparing.size === 0 && !this.life.sent?.isCompare,
    });
    checkpoint.restart();
    return {
      digests,
      checkpointer,
      checkpoint,
      remembered: this.#look(),
      kernel: [],
      open: new Set(),
      closing: new Set(),
      waiting: new Map(),
      comparing: new Set(),
      sent: undefined,
      isListing: true,
      isCheckpointing: false,
      isKilled: false,
    };
  }

  #look(): Life['remembered'] {
    return new Map(this.source.directories.map((path) => [path, this.source.entries.get(path)?.inode ?? 0]));
  }

  #openChanges(): Iterable<Change> | undefined {
    if (this.life.isListing) return undefined;
    const waiting = [...this.life.waiting].map(([path, kind]) => ({ path, kind }));
    return [...waiting, ...(this.life.sent?.changes ?? [])];
  }

  #interleave(): void {
    this.#someSteps();
    if (this.life.isKilled) throw new Killed();
  }

  #someSteps(): void {
    if (this.#isQuiet) return;
    for (let count = this.random.below(4); count > 0 && !this.life.isKilled; count--) this.step();
  }

  /** One step of whatever goes on at the same time; a kill takes effect when the checkpointer asks next. */
  step(): void {
    const dice = this.random.next();
    if (dice < 0.2) this.#change((kind, path) => this.life.kernel.push({ kind, path }));
    else if (dice < 0.35) this.#deliver();
    else if (dice < 0.37 && !this.isSafe) this.#overflow();
    else if (dice < 0.6) this.#send();
    else if (dice < 0.8) this.#run();
    else if (dice < 0.95) this.#finish();
    else if (dice < 0.98 && this.isSafe) this.#finish();
    else if (dice < 0.96) this.#expire();
    else if (dice < 0.98) this.life.isKilled = this.life.isCheckpointing;
    else this.#close();
  }

  /** Something changes at the source. */
  #change(tell: (kind: ChangeKind, path: RelPath) => void): void {
    const { random, source } = this;
    const dice = random.next();
    const path = childOf(random.pick(source.directories), random.pick(names));
    const stamp = ++this.#stamp;
    const entry = source.entries.get(path);
    if (dice < 0.3 && this.#moved.length > 0) {
      // Back to where it was: its directory looks as before, for directories are known by inode and mode alone.
      this.#moveBack(tell);
    } else if (dice < 0.5) {
      const from = random.chance(0.8)
        ? random.pick(source.directories)
        : random.pick([...source.entries.keys()]);
      if (this.#move(from, path, stamp, tell)) this.#moved.push([from, path]);
    } else if (dice < 0.6 && entry !== undefined) {
      for (const each of source.beneath(path).sort().reverse()) {
        // Another directory may have the name by the time this is sent.
        const kind = source.isDirectory(each) ? 'tree' : 'entry';
        source.remove(each);
        this.life.open.delete(each);
        tell(kind, each);
      }
    } else if (entry !== undefined) {
      // Modes come back as well.
      source.set(path, { ...entry, stamp: entry.type === 'directory' ? 1 + random.below(2) : stamp });
      // A writer that keeps its file open: the watcher waits for the close.
      if (entry.type === 'file' && dice > 0.9) this.life.open.add(path);
      else tell('entry', path);
    } else if (dice < 0.8 && path.split('/').length < maxDepth) {
      source.set(path, { type: 'directory', inode: stamp, stamp: 1 });
      // What appears in it is told by itself.
      tell(random.chance(0.8) ? 'entry' : 'tree', path);
      for (const name of names) {
        if (!random.chance(0.3)) continue;
        const child = childOf(path, name);
        source.set(child, { type: 'file', inode: ++this.#stamp, stamp: this.#stamp });
        tell('entry', child);
      }
    } else {
      source.set(path, { type: 'file', inode: stamp, stamp });
      tell('entry', path);
    }
  }

  #moveBack(tell: (kind: ChangeKind, path: RelPath) => void): void {
    const [from, to] = this.#moved.pop() ?? [ROOT, ROOT];
    this.#move(to, from, ++this.#stamp, tell);
  }

  /** @returns whether it is possible */
  #move(from: RelPath, to: RelPath, stamp: number, tell: (kind: ChangeKind, path: RelPath) => void): boolean {
    const { source } = this;
    const entry = source.entries.get(from);
    const parent = parentOf(to);
    if (entry === undefined || from === ROOT || source.has(to) || isInside(to, from)) return false;
    if (parent === undefined || !source.isDirectory(parent)) return false;
    for (const each of source.beneath(from)) this.life.open.delete(each);
    source.move(from, to);
    if (entry.type === 'file') source.set(to, { ...entry, stamp });
    tell(entry.type === 'directory' ? 'tree' : 'entry', from);
    tell(entry.type === 'directory' ? 'tree' : 'entry', to);
    return true;
  }

  /** A writer closes its file. */
  #close(): void {
    const [path] = this.life.open;
    if (path === undefined) return;
    this.life.open.delete(path);
    this.life.closing.add(path);
    this.life.kernel.push({ kind: 'entry', path });
  }

  /** What the kernel held reaches the log; entries of one directory may fold into it. */
  #deliver(): void {
    const { kernel } = this.life;
    this.life.kernel = [];
    const folded = new Set(
      kernel.map(({ path }) => parentOf(path) ?? path).filter(() => !this.isSafe && this.random.chance(0.2)),
    );
    for (const { kind, path } of kernel) {
      const parent = parentOf(path) ?? path;
      if (kind === 'entry' && folded.has(parent) && !this.source.isDirectory(path))
        this.#wait('directory', parent);
      else this.#wait(kind, path);
    }
    this.life.closing.clear();
    this.life.remembered = this.#look();
  }

  /** The kernel drops what it holds; the watcher tells the directories that it did not know, all is to be compared. */
  #overflow(): void {
    const { remembered } = this.life;
    const returned = new Set(this.life.kernel.map(({ path }) => path));
    // The watcher asks by itself whether the files that it knows to be open still are.
    for (const { kind, path } of this.life.kernel) if (this.life.closing.has(path)) this.#wait(kind, path);
    this.life.kernel = [];
    this.life.closing.clear();
    const now = this.#look();
    for (const [path, inode] of now)
      if (remembered.get(path) !== inode || returned.has(path)) this.#wait('tree', path);
    this.life.remembered = now;
    this.life.isListing = true;
    this.life.comparing.clear();
    this.life.checkpoint.restart();
  }

  #wait(kind: ChangeKind, path: RelPath): void {
    this.life.waiting.set(path, widerKind(kind, this.life.waiting.get(path) ?? kind));
  }

  #send(): void {
    const { life, random } = this;
    if (life.sent !== undefined) return;
    const isCompare = life.comparing.size > 0 && random.chance(0.5);
    const candidates: Change[] = isCompare
      ? [...life.comparing].map((path) => ({ kind: 'directory', path }))
      : [...life.waiting].map(([path, kind]) => ({ kind, path }));
    const changes = candidates.filter(() => random.chance(0.6));
    if (changes.length === 0) return;
    for (const { path } of changes) (isCompare ? life.comparing : life.waiting).delete(path);
    const directories = changes
      .flatMap(({ kind, path }) =>
        kind === 'entry' && path !== ROOT && this.source.isDirectory(path) ? path : [],
      )
      .sort();
    const ticket = life.checkpoint.sending(changes);
    life.sent = { changes, ticket, undone: [...changes], isCompare, directories };
  }

  /** The batch goes on. */
  #run(): void {
    const { sent } = this.life;
    if (sent === undefined || sent.undone.length === 0) return;
    const [change] = sent.undone.splice(this.random.below(sent.undone.length), 1);
    if (change === undefined) return;
    const top = [...ancestorsOf(change.path)].reverse().find((each) => !this.source.isDirectory(each));
    // What is gone with a directory above it is left to a change of that directory.
    if (top === undefined) this.#apply(change);
    else this.#wait('entry', top);
  }

  #finish(): void {
    const { life, random } = this;
    const { sent } = life;
    if (sent === undefined) return;
    const giveBack = (change: Change) => {
      if (sent.isCompare && !life.isListing) life.comparing.add(change.path);
      else this.#wait(change.kind, change.path);
    };
    if (random.chance(0.3)) {
      life.sent = undefined;
      for (const change of sent.changes) giveBack(change);
      return;
    }
    // What was not done is deferred, or stuck.
    for (const { kind, path } of sent.undone) this.#wait(kind, path);
    const older = life.checkpoint.acknowledged(sent.ticket, sent.directories);
    for (const path of older) this.#wait('directory', path);
    life.sent = undefined;
    if (sent.isCompare && life.comparing.size === 0) void life.checkpointer.catchUp(life.checkpoint);
  }

  /** The target was away for too long: its changes are dropped unread. */
  #expire(): void {
    const { life } = this;
    if (life.isListing) return;
    life.isListing = true;
    life.checkpoint.restart();
    life.waiting.clear();
    life.comparing.clear();
  }

  /** As rsync does it, with the state that the source has now. */
  #apply({ kind, path }: Change): void {
    const { source, target } = this;
    for (const above of [...ancestorsOf(path)].reverse()) if (!target.isDirectory(above)) this.#copy(above);
    if (!source.has(path)) {
      target.remove(path);
      return;
    }
    this.#copy(path);
    if (kind === 'entry' || !source.isDirectory(path)) return;
    for (const child of target.children(path)) if (!source.has(child)) target.remove(child);
    for (const child of source.children(path)) {
      if (kind === 'tree') this.#apply({ kind, path: child });
      else this.#copy(child);
    }
  }

  #copy(path: RelPath): void {
    const entry = this.source.entries.get(path);
    if (entry === undefined) return;
    if (this.target.entries.get(path)?.type !== entry.type) this.target.remove(path);
    this.target.set(path, entry);
  }

  /** Compares at this moment and checks: whatever is known to be there is there, or is on its way. */
  async compare(): Promise<void> {
    const { life } = this;
    life.isListing = false;
    await this.checkSkipped(life.digests);
    const scan = this.source.directories.map((path) => this.source.scan(path));
    const { list } = await compareWithTarget(scan, life.digests);
    life.comparing.clear();
    for (const path of list.paths) life.comparing.add(path);
  }

  /** What a comparison at this moment would skip must be equal, but for what is known to change. */
  async checkSkipped(digests: TargetDigests): Promise<void> {
    const { life, source, target } = this;
    const open: Change[] = [...life.kernel, ...(life.sent?.changes ?? [])];
    for (const [path, kind] of life.waiting) open.push({ kind, path });
    for (const path of life.open) open.push({ kind: 'entry', path });
    const walk = digests.walk();
    const isSkipped = new Map(
      source.directories.map((path) => {
        const known = walk.get(path)?.digest;
        return [path, known !== undefined && known === source.scan(path).digest];
      }),
    );
    for (const path of source.directories) {
      const isOpen = open.some(
        (change) =>
          change.path === path ||
          parentOf(change.path) === path ||
          [...ancestorsOf(path)].includes(change.path) ||
          change.path === ROOT,
      );
      if (isOpen || isSkipped.get(path) !== true) continue;
      // A subdirectory that is compared itself is made by that.
      const show = (tree: FakeTree) =>
        tree
          .children(path)
          .filter((each) => isSkipped.get(each) !== false)
          .map((each) => [each, tree.entries.get(each)])
          .sort();
      assert.deepEqual(show(target), show(source), `"${path}" counts as equal and is not`);
    }
  }

  /** A tree that arrived and is known to have arrived. */
  async plant(): Promise<void> {
    for (const path of ['a', 'a/a', 'a/a/a', 'a/b', 'b', 'b/a', 'c'] as RelPath[])
      this.source.set(path, { type: 'directory', inode: ++this.#stamp, stamp: 1 });
    for (const path of ['a/c', 'a/a/c', 'a/a/a/c', 'b/a/c'] as RelPath[])
      this.source.set(path, { type: 'file', inode: ++this.#stamp, stamp: this.#stamp });
    this.life.remembered = this.#look();
    await this.settle();
    this.#isQuiet = this.isSafe;
    await this.checkpoint();
    this.#isQuiet = false;
  }

  /** Each directory is known, when all arrived and a round or two went undisturbed. */
  async checkEverythingKnown(): Promise<void> {
    this.#isQuiet = true;
    await this.checkpoint();
    await this.checkpoint();
    this.#isQuiet = false;
    const walk = this.life.digests.walk();
    for (const path of this.source.directories)
      assert.ok(walk.get(path)?.digest !== undefined, `"${path}" is known`);
  }

  async checkpoint(): Promise<void> {
    this.life.isCheckpointing = true;
    await this.life.checkpointer.checkpoint();
    this.life.isCheckpointing = false;
  }

  /** The process dies; the source goes on, unseen; a new process begins. */
  die(offlineChanges: number): void {
    // rsync outlives its parent by a moment.
    while (this.life.sent !== undefined && this.life.sent.undone.length > 0 && this.random.chance(0.5))
      this.#run();
    // Directories that come back look as if they had never been away.
    while (this.#moved.length > 0 && this.random.chance(0.8)) this.#moveBack(() => {});
    for (let i = 0; i < offlineChanges; i++) this.#change(() => {});
    this.life = this.#begin();
  }

  /** Lets everything arrive. */
  async settle(): Promise<void> {
    if (this.life.isListing) await this.compare();
    this.#isQuiet = true;
    for (let round = 0; ; round++) {
      assert.ok(round < 10_000, 'it comes to an end');
      while (this.life.open.size > 0) this.#close();
      this.#deliver();
      const { waiting, comparing, sent } = this.life;
      if (waiting.size + comparing.size === 0 && sent === undefined) break;
      this.#send();
      while ((this.life.sent?.undone.length ?? 0) > 0) this.#run();
      this.#finish();
    }
    this.#isQuiet = false;
    for (const path of this.source.directories)
      assert.ok(this.target.isSameDirectory(this.source, path), `"${path}" arrived`);
    assert.equal(this.target.entries.size, this.source.entries.size);
  }
}

/** Drives worlds, each with a seed of its own. */
const inWorlds = async (
  t: TestContext,
  drive: (world: World, next: () => TargetDigests) => Promise<void>,
  { isSafe = false } = {},
) => {
  const runs = Number(process.env.RUNS ?? 300);
  const seed = chooseSeed();
  t.diagnostic(`SEED=${seed}`);
  const newDigests = digestTables(t);
  for (let run = 0; run < runs; run++) {
    newDigests().clear();
    const world = new World(new Random(seed + run), newDigests, { isSafe });
    try {
      await world.plant();
      await drive(world, newDigests);
    } catch (error) {
      throw new Error(`seed ${seed + run}: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    }
  }
};

test('whenever the process dies, what counts as acknowledged is at the target', (t) =>
  inWorlds(t, async (world, next) => {
    for (let step = 0; step < 100; step++) {
      if (world.life.isKilled || world.random.chance(0.03)) world.die(world.random.below(2));
      else if (world.life.isListing && world.random.chance(0.3)) await world.compare();
      else if (world.random.chance(0.2)) await world.checkpoint();
      else world.step();
      // As the next process would see it.
      await world.checkSkipped(next());
    }
    if (world.life.isKilled) world.die(0);
    await world.settle();
  }));

test('as long as the process lives, every directory is known once all has arrived', (t) =>
  inWorlds(
    t,
    async (world) => {
      for (let step = 0; step < 100; step++) {
        if (world.random.chance(0.2)) await world.checkpoint();
        else world.step();
      }
      await world.settle();
      await world.checkEverythingKnown();
    },
    { isSafe: true },
  ));
