// SPDX-License-Identifier: Apache-2.0
import { Mutex } from 'async-mutex';

/** One piece of work at a time for each key, in order of arrival; keys do not wait for others. */
export class KeyedLock {
  readonly #mutexes = new Map<string, { readonly mutex: Mutex; users: number }>();
  /** Since when the work of a key has been running; ms of performance.now(). */
  readonly #running = new Map<string, number>();

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const entry = this.#mutexes.get(key) ?? { mutex: new Mutex(), users: 0 };
    this.#mutexes.set(key, entry);
    entry.users++;
    try {
      return await entry.mutex.runExclusive(async () => {
        this.#running.set(key, performance.now());
        try {
          return await work();
        } finally {
          this.#running.delete(key);
        }
      });
    } finally {
      if (--entry.users === 0) this.#mutexes.delete(key);
    }
  }

  /** For how long the work that runs longest has been running, milliseconds; 0 if none runs. */
  get longestRun(): number {
    const now = performance.now();
    return Math.max(0, ...[...this.#running.values()].map((since) => now - since));
  }

  /** Resolves when no work is left. */
  async idle(): Promise<void> {
    for (const { mutex } of this.#mutexes.values()) await mutex.waitForUnlock();
    if (this.#mutexes.size > 0) {
      await new Promise(setImmediate);
      await this.idle();
    }
  }
}
