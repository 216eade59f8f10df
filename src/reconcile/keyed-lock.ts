// SPDX-License-Identifier: Apache-2.0
import { Mutex, Semaphore } from 'async-mutex';

/** So many newcomers at a time; more wait. The semaphore's own work grows with it. */
const room = 1024;
/** What runTogether() runs under, as far as longestRun is concerned. */
const together = Symbol('together');

/** One piece of work at a time for each key, in order of arrival; keys do not wait for others. */
export class KeyedLock {
  readonly #mutexes = new Map<string, { readonly mutex: Mutex; users: number }>();
  /** Shared by work on keys that may be new, exclusive to work on all that there are. */
  readonly #newcomers = new Semaphore(room);
  /** Since when the work of a key has been running; ms of performance.now(). */
  readonly #running = new Map<string | symbol, number>();

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const letGo = await this.#take(key);
    this.#running.set(key, performance.now());
    try {
      return await work();
    } finally {
      this.#running.delete(key);
      letGo();
    }
  }

  /** The same for work that makes what a key stands for: it never runs during runTogether(). */
  runNew<T>(key: string, work: () => Promise<T>): Promise<T> {
    return this.#newcomers.runExclusive(() => this.run(key, work));
  }

  /**
   * Work on all of these keys at once. They are asked for when no newcomer can be added to them. A
   * key that the work lets go is free for others while it goes on; doing so counts as progress.
   */
  runTogether<T>(
    keys: () => Iterable<string>,
    work: (letGo: (key: string) => void) => Promise<T>,
  ): Promise<T> {
    return this.#newcomers.runExclusive(async () => {
      const held = new Map<string, () => void>();
      const progress = () => this.#running.set(together, performance.now());
      try {
        // In one order for all: two that want the same keys do not wait for each other.
        for (const key of [...new Set(keys())].sort()) held.set(key, await this.#take(key));
        progress();
        return await work((key) => {
          held.get(key)?.();
          held.delete(key);
          progress();
        });
      } finally {
        this.#running.delete(together);
        for (const letGo of held.values()) letGo();
      }
    }, room);
  }

  /** For how long the work that runs longest has been running, milliseconds; 0 if none runs. */
  get longestRun(): number {
    const now = performance.now();
    return Math.max(0, ...[...this.#running.values()].map((since) => now - since));
  }

  /** Resolves when no work is left. */
  async idle(): Promise<void> {
    for (const { mutex } of this.#mutexes.values()) await mutex.waitForUnlock();
    await this.#newcomers.waitForUnlock(room);
    if (this.#mutexes.size > 0) {
      await new Promise(setImmediate);
      await this.idle();
    }
  }

  /** Returns what gives it back. */
  async #take(key: string): Promise<() => void> {
    const entry = this.#mutexes.get(key) ?? { mutex: new Mutex(), users: 0 };
    this.#mutexes.set(key, entry);
    entry.users++;
    const release = await entry.mutex.acquire();
    return () => {
      release();
      if (--entry.users === 0) this.#mutexes.delete(key);
    };
  }
}
