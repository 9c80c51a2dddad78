import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StoreError } from '../core/errors.js';
import { lockStateDir, type StateLock } from './state-lock.js';
import {
  dropTarget,
  loadLmdb,
  noteTarget,
  openStoreFile,
  openTargetTable,
  readNote,
  removeNote,
  type StoreFile,
  type StoreWriter,
  storeFormat,
  targetKeys,
  transact,
  writeNote,
} from './store-file.js';
import { TargetDigests } from './target-digests.js';

export interface DigestStoreEvents {
  /** What was found could not be used: it now bears the name `file`, and a new store was begun. */
  setAside(file: string, reason: string): void;
  /** The machine went down without a stop: nothing stored counts until it is acknowledged again. */
  distrusted(): void;
  /** Nothing can be stored any more (a full disk, mostly); replication goes on, the next start compares everything. */
  lost(error: unknown): void;
}

/** Tells a store that was closed from one that was cut off, and an untouched file from another. */
const sealSuffix = '.seal';
const lockSuffix = '-lock';
/**
 * Beside the store from before it is opened until its first transaction is committed. Damage can end the process there,
 * by a signal and without a line, at every start again: what finds the mark knows that the start before did not get
 * through, and sets the store aside. A kill -9 in that moment, or a disk without room, costs a comparison, no more.
 */
const openingSuffix = '.opening';

/**
 * What each target acknowledged, kept over restarts: the file `digests.mdb` in the state directory, which is locked
 * against other processes meanwhile. The death of the process at any moment leaves a store that counts as far as its
 * last transaction.
 */
export class DigestStore implements StoreWriter {
  readonly #targets = new Map<string, TargetDigests>();
  /** Targets that were sent something by this process; known even when nothing can be stored. */
  readonly #sent = new Set<string>();
  #lastId: number;
  #isLost = false;

  private constructor(
    private readonly path: string,
    private readonly file: StoreFile,
    private readonly lock: StateLock,
    private readonly events: DigestStoreEvents,
  ) {
    this.#lastId = Number(readNote(file, 'lastId') ?? 0);
  }

  /**
   * Creates the state directory if it is missing. Reads a store that was not closed properly once as a whole, in a
   * process of its own that also tries to write it, before it is trusted.
   * Throws {@link StoreError} `STATE_DIR_IN_USE`, `STATE_DIR_UNUSABLE` or `STORE_MISSING`.
   */
  static async open(stateDir: string, events: DigestStoreEvents): Promise<DigestStore> {
    // Before the store is looked at by another process, which would take it for damaged.
    await loadLmdb();
    try {
      await mkdir(stateDir, { recursive: true, mode: 0o700 });
      const lock = await lockStateDir(stateDir);
      try {
        return await DigestStore.#openLocked(join(stateDir, 'digests.mdb'), lock, events);
      } catch (error) {
        await lock.release();
        throw error;
      }
    } catch (cause) {
      if (cause instanceof StoreError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new StoreError(
        'STATE_DIR_UNUSABLE',
        `the state directory ${stateDir} can't be used: ${reason}`,
        'it must be a directory that this user may write to, on a disk with room',
        { cause },
      );
    }
  }

  static async #openLocked(path: string, lock: StateLock, events: DigestStoreEvents): Promise<DigestStore> {
    const isSealed = await hasSeal(path);
    if (await exists(path)) {
      const fault = (await exists(path + openingSuffix))
        ? 'it is damaged (the start before ended while opening it)'
        : isSealed
          ? undefined
          : await verify(path);
      if (fault !== undefined) events.setAside(await setAside(path), fault);
    }
    await writeFile(path + openingSuffix, '');
    const store = new DigestStore(path, openStoreFile(path, await loadLmdb()), lock, events);
    await store.#begin(isSealed);
    await rm(path + openingSuffix, { force: true });
    return store;
  }

  async #begin(wasClosed: boolean): Promise<void> {
    const boot = await bootId();
    const wentDown = !wasClosed && (readNote(this.file, 'boot') ?? boot) !== boot;
    if (wentDown) {
      for (const key of targetKeys(this.file)) this.#open(key).distrust();
      this.events.distrusted();
    }
    this.write(() => {
      writeNote(this.file, 'format', storeFormat);
      writeNote(this.file, 'boot', boot);
    });
    await rm(this.path + sealSuffix, { force: true });
  }

  /**
   * The digests of one target.
   * @param identity says where the target is and all that decides what is put there; see `targetIdentity`
   */
  target(identity: string): TargetDigests {
    const key = keyOf(identity);
    const known = this.#targets.get(key);
    if (known !== undefined) return known;
    const digests = this.#open(key);
    this.#targets.set(key, digests);
    this.write(() => noteTarget(this.file, key));
    return digests;
  }

  /** What {@link setDeleteMethod} stored for a target. */
  deleteMethod(identity: string): string | undefined {
    return readNote(this.file, methodNote(keyOf(identity)));
  }

  /** Keeps, beside its digests, how a target was found to delete; `undefined`: it is not known any more. */
  setDeleteMethod(identity: string, method: string | undefined): void {
    if (this.deleteMethod(identity) === method) return;
    const name = methodNote(keyOf(identity));
    this.write(() =>
      method === undefined ? removeNote(this.file, name) : writeNote(this.file, name, method),
    );
  }

  /** Whether anything was ever sent to a target: {@link setSent}. */
  wasSent(identity: string): boolean {
    return this.#sent.has(identity) || readNote(this.file, sentNote(keyOf(identity))) !== undefined;
  }

  /** To be called before something is sent to a target: what is there is from then on not only what was there before. */
  setSent(identity: string): void {
    if (this.#sent.has(identity)) return;
    this.#sent.add(identity);
    this.write(() => writeNote(this.file, sentNote(keyOf(identity)), ''));
  }

  /** Removes what is stored for targets that are none of these. */
  keepOnly(identities: readonly string[]): void {
    const kept = new Set(identities.map(keyOf));
    for (const identity of this.#sent) if (!kept.has(keyOf(identity))) this.#sent.delete(identity);
    for (const key of targetKeys(this.file)) {
      if (kept.has(key)) continue;
      this.#targets.delete(key);
      this.write(() => {
        dropTarget(this.file, key);
        removeNote(this.file, methodNote(key));
        removeNote(this.file, sentNote(key));
      });
    }
  }

  #open(key: string): TargetDigests {
    return new TargetDigests(openTargetTable(this.file, key), this);
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  get lastId(): number {
    return this.#lastId;
  }

  newId(): number {
    return ++this.#lastId;
  }

  /** Throws {@link StoreError} `STATE_DIR_UNUSABLE` when the store can be neither written nor given up. */
  write(action: () => void): void {
    if (this.#isLost) return;
    try {
      transact(this.file, () => {
        const before = this.#lastId;
        action();
        if (this.#lastId !== before) writeNote(this.file, 'lastId', String(this.#lastId));
      });
    } catch (error) {
      this.#lose(error);
    }
  }

  /** What could not be written may be a mark without which the records lie; so none of them may be found again. */
  #lose(error: unknown): void {
    try {
      rmSync(this.path, { force: true });
    } catch (cause) {
      throw new StoreError(
        'STATE_DIR_UNUSABLE',
        `${this.path} can be neither written nor removed`,
        'remove it and start again; everything is compared once',
        { cause },
      );
    }
    this.#isLost = true;
    this.events.lost(error);
  }

  /** Brings what was written to the disk. Without it, the death of the machine may damage the store. */
  async flush(): Promise<void> {
    if (this.#isLost) return;
    const handle = await open(this.path, 'r+');
    try {
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }

  /** Frees the state directory. Use nothing of the store afterwards. */
  async close(): Promise<void> {
    await this.file.root.close();
    try {
      await this.flush();
      if (!this.#isLost) await seal(this.path);
    } catch (error) {
      // Mostly the directory was removed meanwhile; what could not be stored is no reason not to stop.
      this.#lose(error);
    } finally {
      await this.lock.release();
    }
  }
}

const methodNote = (key: string): string => `method:${key}`;
const sentNote = (key: string): string => `sent:${key}`;

const keyOf = (identity: string): string => createHash('sha256').update(identity).digest('hex').slice(0, 32);

const exists = async (path: string): Promise<boolean> => (await statusOf(path)) !== undefined;

const statusOf = async (path: string): Promise<string | undefined> => {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [ino, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

const seal = async (path: string): Promise<void> =>
  writeFile(path + sealSuffix, (await statusOf(path)) ?? '');

const hasSeal = async (path: string): Promise<boolean> => {
  const status = await statusOf(path);
  const sealed = await readFile(path + sealSuffix, 'utf8').catch(() => undefined);
  return status !== undefined && sealed === status;
};

/** Reads the whole store in another process. @returns what is wrong with it */
const verify = (path: string): Promise<string | undefined> =>
  new Promise((resolve, reject) => {
    const program = fileURLToPath(new URL('./verify-store.js', import.meta.url));
    const child = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'ignore'] });
    let words = '';
    child.stdout.on('data', (bytes: Buffer) => {
      words += bytes.toString();
    });
    child.once('error', reject);
    child.once('close', (status, signal) => {
      if (status === 0) resolve(undefined);
      else resolve(words || `it is damaged (reading it ended with ${signal ?? status})`);
    });
  });

const setAside = async (path: string): Promise<string> => {
  const stamp = new Date().toISOString().replace(/[-:.]/g, '');
  const aside = `${path}.corrupt-${stamp}`;
  await rename(path, aside);
  await rm(path + lockSuffix, { force: true });
  return aside;
};

/** Another one after each start of the machine. */
const bootId = async (): Promise<string> =>
  (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'unknown')).trim();
