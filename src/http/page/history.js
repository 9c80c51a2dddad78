/** Samples that are kept, one each second. */
const windowSeconds = 600;
/** A rate is taken over so many seconds. */
const rateSeconds = 5;

/** What was seen of each target since the page was opened. */
export class History {
  #samples = [];

  /** @param status the last one, or `undefined` while there is no connection: a gap */
  add(status, now = Date.now()) {
    const targets =
      status === undefined
        ? undefined
        : new Map(
            status.targets.map(({ name, lagSeconds, pending, bytesSent, filesSent }) => [
              name,
              { lag: lagSeconds, pending, bytes: bytesSent, files: filesSent },
            ]),
          );
    this.#samples.push({ at: now, targets });
    while (this.#samples.length > windowSeconds) this.#samples.shift();
  }

  /** How long it was looked on, seconds. */
  get length() {
    return this.#samples.length;
  }

  /** One value for each sample; `undefined` where there is none. @param pick from what was seen of a target */
  series(name, pick) {
    return this.#samples.map(({ targets }) => {
      const seen = targets?.get(name);
      return seen === undefined ? undefined : pick(seen);
    });
  }

  /** One value for all targets of each sample. */
  combined(pick, combine) {
    return this.#samples.map(({ targets }) =>
      targets === undefined ? undefined : [...targets.values()].map(pick).reduce((a, b) => combine(a, b), 0),
    );
  }

  /** Bytes and files in each second, over all targets, smoothed. */
  throughput(pick) {
    return this.#samples.map((sample, index) =>
      this.#rateAt(index, (targets) => sumOf(targets, pick), sample),
    );
  }

  /** How fast it grows for one target now. */
  rateOf(name, pick) {
    const index = this.#samples.length - 1;
    return (
      this.#rateAt(
        index,
        (targets) => pick(targets.get(name) ?? { bytes: 0, files: 0 }),
        this.#samples[index],
      ) ?? 0
    );
  }

  #rateAt(index, value, sample) {
    if (sample?.targets === undefined) return undefined;
    const before = this.#samples[Math.max(0, index - rateSeconds)];
    if (before?.targets === undefined || before === sample) return 0;
    // A counter that went back belongs to a process that was started anew.
    const grown = Math.max(0, value(sample.targets) - value(before.targets));
    return (grown * 1000) / Math.max(1, sample.at - before.at);
  }
}

const sumOf = (targets, pick) => [...targets.values()].map(pick).reduce((a, b) => a + b, 0);
