// SPDX-License-Identifier: Apache-2.0
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { changedKeys } from './changed-keys.ts';
import { effectOf } from './effects.ts';

/** Takes up what it needs of a configuration that has changed, or throws and keeps what it has. */
export type Reloadable = (config: Config) => void | Promise<void>;

export interface ConfigReloadOptions {
  /** Reads and checks the whole file. */
  readonly read: () => Promise<Config>;
  /** What the daemon was started with. */
  readonly config: Config;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** How the last reload went; the start counts as the first one. */
export interface ReloadState {
  readonly successful: boolean;
  /** Milliseconds since the epoch. */
  readonly lastSuccess: number;
}

/** Reads the configuration again while the daemon runs, and hands on what can change. */
export class ConfigReload {
  readonly #options: ConfigReloadOptions;
  readonly #now: () => number;
  readonly #parts = new Map<string, Reloadable>();
  /** What counts of the keys that a reload changes; of the others `config` does. */
  #applied: Config;
  #state: ReloadState;
  #turn: Promise<void> = Promise.resolve();

  constructor(options: ConfigReloadOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#applied = options.config;
    this.#state = { successful: true, lastSuccess: this.#now() };
  }

  get state(): ReloadState {
    return this.#state;
  }

  /** `name`: of the part, for the log. */
  register(name: string, part: Reloadable): void {
    this.#parts.set(name, part);
  }

  /** One at a time. A file that cannot be used changes nothing. Returns whether all is in effect. */
  reload(): Promise<boolean> {
    const result = this.#turn.then(() => this.#reload());
    this.#turn = result.then(() => undefined);
    return result;
  }

  async #reload(): Promise<boolean> {
    const successful = await this.#readAndApply();
    const lastSuccess = successful ? this.#now() : this.#state.lastSuccess;
    this.#state = { successful, lastSuccess };
    return successful;
  }

  async #readAndApply(): Promise<boolean> {
    const { read, config, log } = this.#options;
    let next: Config;
    try {
      next = await read();
    } catch (error) {
      log.error({ err: error, event: 'reload-failed' }, 'the old configuration stays in effect');
      return false;
    }
    const waiting = changedKeys(config, next).filter((key) => effectOf(key) === 'restart');
    if (waiting.length > 0) log.warn({ keys: waiting }, `needs a restart: ${waiting.join(', ')}`);
    const changed = changedKeys(this.#applied, next).filter((key) => effectOf(key) === 'reload');
    let failures = 0;
    // Also if nothing has: what a key names, such as a certificate, may be another one.
    for (const [part, apply] of this.#parts) {
      try {
        await apply(next);
      } catch (error) {
        failures++;
        log.error({ part, err: error, event: 'reload-failed' }, `${part}: not reloaded`);
      }
    }
    if (failures > 0) return false;
    this.#applied = next;
    log.info({ keys: changed, event: 'reloaded' }, 'configuration reloaded');
    return true;
  }
}
