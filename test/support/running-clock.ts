// SPDX-License-Identifier: Apache-2.0

/** A step longer than this is put down to this process, not to what it waits for. */
const LONGEST_STEP_MS = 100;

/**
 * A clock, in milliseconds, that stands still while this process does not get to run. On a busy machine
 * an echo may lie read-ready for seconds while the process waits for a processor: that is no stall.
 */
export class RunningClock {
  #last = performance.now();
  #now = 0;

  get now(): number {
    return this.#now;
  }

  /** To be called often, compared with the longest step. */
  advance(): number {
    const last = this.#last;
    this.#last = performance.now();
    this.#now += Math.min(this.#last - last, LONGEST_STEP_MS);
    return this.#now;
  }
}
