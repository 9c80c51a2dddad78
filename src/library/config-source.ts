import type { Config } from '../config/config.js';
import { loadWithInput, orMissing } from '../config/load.js';
import { resolveConfig } from '../config/resolve.js';
import type { ConfigInput } from '../config/schema.js';
import { ConfigError } from '../core/errors.js';

/** Stands for the file in messages about an object. */
const word = 'configuration';

/** The configuration of a replication, as it is written: a file or an object, and what changed since. */
export class ConfigSource {
  readonly #file: string | undefined;
  /** What was read or given. */
  #input: unknown;

  constructor(config: ConfigInput | string) {
    if (typeof config === 'string') this.#file = config;
    else this.#input = config;
  }

  /** Rejects with a `ConfigError`, or a `WatchError` `SOURCE_MISSING`. A file is read the first time only. */
  async read(): Promise<Config> {
    if (this.#input === undefined && this.#file !== undefined) {
      const { config, input } = await loadWithInput(this.#file);
      this.#input = input;
      return config;
    }
    return this.#resolve(this.#input);
  }

  /**
   * With another list of targets. Nothing has changed until `keep` is called.
   * @param edit the list as it is written -> another one
   */
  async withTargets(
    edit: (targets: readonly unknown[], config: Config) => readonly unknown[],
  ): Promise<{ readonly config: Config; keep(): void }> {
    const config = await this.read();
    const written = this.#input as { readonly targets: readonly unknown[] };
    const input = { ...written, targets: edit(written.targets, config) };
    return {
      config: await this.#resolve(input),
      keep: () => {
        this.#input = input;
      },
    };
  }

  async #resolve(input: unknown): Promise<Config> {
    try {
      return await resolveConfig(input, this.#file ?? word);
    } catch (error) {
      throw error instanceof ConfigError ? orMissing(error) : error;
    }
  }
}
