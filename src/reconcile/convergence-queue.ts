// SPDX-License-Identifier: Apache-2.0
import { Slices } from '../slices.ts';

/** At a time: more than there are threads that build tables. */
const workers = 8;

/**
 * Distributors that are to be converged though nobody has called for it: all of them at a start,
 * or those of a port that went down. Calls have their turns in between.
 */
export class ConvergenceQueue {
  readonly #converge: (id: string) => Promise<void>;
  readonly #waiting = new Set<string>();
  readonly #slices = new Slices();
  #working = 0;
  #idle = Promise.withResolvers<undefined>();

  /** `converge` does not throw. */
  constructor(converge: (id: string) => Promise<void>) {
    this.#converge = converge;
    this.#idle.resolve(undefined);
  }

  /** One that waits already is not converged twice. */
  add(ids: Iterable<string>): void {
    for (const id of ids) this.#waiting.add(id);
    while (this.#working < workers && this.#waiting.size > 0) void this.#work();
  }

  /** Resolves when none is left. */
  get idle(): Promise<void> {
    return this.#idle.promise;
  }

  async #work(): Promise<void> {
    if (this.#working++ === 0) this.#idle = Promise.withResolvers();
    for (const id of this.#waiting) {
      this.#waiting.delete(id);
      await this.#converge(id);
      await this.#slices.turn();
    }
    if (--this.#working === 0) this.#idle.resolve(undefined);
  }
}
