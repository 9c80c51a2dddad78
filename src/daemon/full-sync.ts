import { Cron } from 'croner';
import type { Logger } from '../core/logger.js';

/** When every target is compared in full; `timeZone` is a name of the IANA list, `undefined`: that of the machine. */
export interface FullSyncSchedule {
  readonly schedule: string;
  readonly timeZone: string | undefined;
}

/** A target as a full sync sees it. */
export interface FullSyncTarget {
  readonly name: string;
  /**
   * Compares the target with the source without trusting what is known of it. Resolves when that is through, or when the
   * target can't be reached; then it goes on by itself later.
   */
  fullSync(): Promise<void>;
}

/** Full syncs by the clock: one target after the other, never the same one twice at a time. */
export class FullSync {
  #cron: Cron | undefined;
  /** Targets that wait for their turn. */
  readonly #waiting = new Set<string>();
  #running: string | undefined;

  constructor(
    private readonly targets: () => readonly FullSyncTarget[],
    private readonly logger: Logger,
  ) {}

  /** The next time, RFC 3339; `undefined` without a schedule. */
  get nextAt(): string | undefined {
    return this.#cron?.nextRun()?.toISOString();
  }

  /** The target that is being compared. */
  get running(): string | undefined {
    return this.#running;
  }

  /** Another schedule; what runs goes on. */
  configure(schedule: FullSyncSchedule | undefined): void {
    this.stop();
    if (schedule === undefined) return;
    const options = schedule.timeZone === undefined ? {} : { timezone: schedule.timeZone };
    this.#cron = new Cron(schedule.schedule, { ...options, unref: true }, () => this.#due());
  }

  stop(): void {
    this.#cron?.stop();
    this.#cron = undefined;
    this.#waiting.clear();
  }

  /** Asks for one now, of these targets. @returns whose turn comes; for the others one is under way already */
  request(names: readonly string[]): string[] {
    const wanted = this.targets().filter(
      ({ name }) => names.includes(name) && name !== this.#running && !this.#waiting.has(name),
    );
    for (const { name } of wanted) this.#waiting.add(name);
    void this.#work();
    return wanted.map(({ name }) => name);
  }

  #due(): void {
    const targets = this.targets();
    const late = targets.filter(({ name }) => name === this.#running || this.#waiting.has(name));
    if (late.length > 0)
      this.logger.warn(
        { targets: late.map(({ name }) => name) },
        'the last full sync is not through: these targets are left out this time',
      );
    for (const target of targets) if (!late.includes(target)) this.#waiting.add(target.name);
    void this.#work();
  }

  async #work(): Promise<void> {
    if (this.#running !== undefined) return;
    for (const name of this.#waiting) {
      this.#waiting.delete(name);
      const target = this.targets().find((other) => other.name === name);
      if (target === undefined) continue;
      this.#running = name;
      await target.fullSync();
    }
    this.#running = undefined;
  }
}
