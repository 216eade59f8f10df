// SPDX-License-Identifier: Apache-2.0
import { Mutex } from 'async-mutex';

/** One piece of work at a time for each key, in order of arrival; keys do not wait for others. */
export class KeyedLock {
  readonly #mutexes = new Map<string, { readonly mutex: Mutex; users: number }>();

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const entry = this.#mutexes.get(key) ?? { mutex: new Mutex(), users: 0 };
    this.#mutexes.set(key, entry);
    entry.users++;
    try {
      return await entry.mutex.runExclusive(work);
    } finally {
      if (--entry.users === 0) this.#mutexes.delete(key);
    }
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
